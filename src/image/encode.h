// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "image/image.h"

namespace shoplens {

/// A baseline JPEG of the picture, as Pillow's save(quality=..., subsampling=default 4:2:0) makes
/// it. `quality` 1 to 100.
std::string encode_jpeg(const Image& image, int quality);

/// An 8-bit RGB PNG of the picture.
std::string encode_png(const Image& image);

}  // namespace shoplens
