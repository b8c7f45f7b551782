// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "image/image_file.h"

namespace shoplens {

/// A WebP as upright RGB: lossy or lossless; alpha over white; of an animation the first frame on
/// its canvas. Throws as decode_image does.
Image decode_webp(const ImageFile& file);

}  // namespace shoplens
