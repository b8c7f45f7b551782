// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "models/backbone.h"

namespace shoplens {

/// ViT-S/14 as DINOv2 trained it: Dosovitskiy et al. 2021, arXiv:2010.11929; Oquab et al. 2024,
/// arXiv:2304.07193. forward_features gives tokens [N, 1 + (S / 14)^2, 384], the class token first,
/// after the last norm. The position embedding, made for 518 pixels, is resampled (bicubic,
/// antialiased, as timm does) to the input's side; forward throws kBadInput for one that 14 does
/// not divide.
std::shared_ptr<Backbone> vit_small_patch14_dinov2(const BackboneOptions& options);

}  // namespace shoplens
