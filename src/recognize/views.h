// SPDX-License-Identifier: Apache-2.0
// Test-time augmentation: a photo is shown to the network in several views, and their embeddings
// are averaged.
#pragma once
#include <span>
#include <string>

#include "image/image.h"
#include "image/preprocess.h"

namespace shoplens {

enum class Tta { kNone, kHflip };
Tta tta_from_string(
    const std::string& word);  // "none", "hflip"; throws kBadInput for any other word

const char* to_string(Tta tta);

/// How many views of a photo the network sees: 1, or 2 with the mirrored one.
int view_count(Tta tta);

/// The photo's views: out [views, 3, size, size]. The first is preprocess(image) to the bit, the
/// second its mirror.
void preprocess_views(const Image& image, const Preprocessing& preprocessing, Tta tta, float* out);

/// Embeddings of views [n, views, dim] -> out [n, dim]: their mean over its length; their sum when
/// they are `raw`, as lengths then count. `out` may be where `views` begins.
void merge_views(std::span<const float> views, int dim, Tta tta, float* out, bool raw = false);

}  // namespace shoplens
