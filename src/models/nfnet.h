// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "models/backbone.h"

namespace shoplens {

/// DeepMind's NFNet-F0, residual networks without normalisation: Brock, De, Smith, Simonyan 2021,
/// arXiv:2102.06171. 3072 features; timm's dm_nfnet_f0.
std::shared_ptr<Backbone> dm_nfnet_f0(const BackboneOptions& options);

}  // namespace shoplens
