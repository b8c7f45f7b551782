// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "image/image_file.h"

namespace shoplens {

/// A PNG as upright RGB: every colour type and depth, interlaced or not; 16 bits keep the high 8,
/// as Pillow does; alpha and tRNS are composited over white; gamma and colour profiles are ignored.
/// Throws as decode_image does.
Image decode_png(const ImageFile& file);

}  // namespace shoplens
