// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "image/image_file.h"

namespace shoplens {

/// A JPEG as upright RGB: grey, YCbCr, RGB, CMYK or YCCK; baseline, progressive or arithmetic
/// coding. Equal to the bit to Pillow's convert("RGB") (accurate integer DCT, smooth chroma
/// upsampling; CMYK is taken as inverted, which is how Adobe and everyone after it write it).
/// At a smaller `scale` equal to what Pillow gives after Image.draft. Throws as decode_image does.
Image decode_jpeg(const ImageFile& file, const ChooseScale& scale = {});

}  // namespace shoplens
