// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "models/backbone.h"

namespace shoplens {

/// MobileNetV3-Large at width 1, up to the last 1 x 1 convolution over the map (what follows in
/// timm, conv_head, works on the pooled features): Howard et al. 2019, arXiv:1905.02244.
std::shared_ptr<Backbone> mobilenetv3_large_100(const BackboneOptions& options);

}  // namespace shoplens
