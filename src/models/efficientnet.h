// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "models/backbone.h"

namespace shoplens {

/// MobileNetV2 at width 1: Sandler et al. 2018, arXiv:1801.04381.
std::shared_ptr<Backbone> mobilenetv2_100(const BackboneOptions& options);

/// EfficientNet-B0 to B4: Tan and Le 2019, arXiv:1905.11946. Throws kBadInput for another `b`.
/// `tensorflow`: padding and batch norm's epsilon of the weights ported from TensorFlow, timm's
/// tf_efficientnet_b*.
std::shared_ptr<Backbone> efficientnet(int b, bool tensorflow, const BackboneOptions& options);

}  // namespace shoplens
