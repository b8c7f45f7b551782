// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "models/backbone.h"

namespace shoplens {

/// ConvNeXt-T: Liu et al. 2022, arXiv:2201.03545. The map before timm's head, whose norm works on
/// the pooled features.
std::shared_ptr<Backbone> convnext_tiny(const BackboneOptions& options);

}  // namespace shoplens
