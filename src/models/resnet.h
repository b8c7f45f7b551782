// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "models/backbone.h"

namespace shoplens {

/// ResNet-50: He et al. 2015, arXiv:1512.03385, with the stride in the 3 x 3 convolution
/// (version 1.5), as timm and torchvision have it.
std::shared_ptr<Backbone> resnet50(const BackboneOptions& options);

}  // namespace shoplens
