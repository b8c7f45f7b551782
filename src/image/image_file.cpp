// SPDX-License-Identifier: Apache-2.0
#include "image/image_file.h"

#include <algorithm>

#include "core/error.h"

namespace shoplens {

void check_size(const ImageFile& file, std::uint64_t width, std::uint64_t height) {
  const auto max_side = static_cast<std::uint64_t>(std::max(file.limits.max_side, 0));
  const bool sides_fit = width <= max_side && height <= max_side;
  // No overflow: both sides are an int.
  if (sides_fit && width * height <= file.limits.max_pixels) return;
  const std::string limit = sides_fit ? join("at most ", file.limits.max_pixels, " pixels")
                                      : join("sides of at most ", max_side, " pixels");
  throw Error(
      ErrorCode::kBadInput,
      join("decode_image: want ", limit, ", got ", width, " x ", height, " (", file.name, ")"),
      "make the photo smaller first");
}

void announce_memory(const ImageFile& file, std::uint64_t bytes) {
  if (file.limits.before_memory) file.limits.before_memory(bytes);
}

void throw_damaged(const ImageFile& file, const char* format, const char* reason) {
  throw Error(ErrorCode::kCorrupt,
              join("decode_image: want a sound ", format, ", got a damaged one: ", reason, " (",
                   file.name, ")"),
              "copy or download the file again");
}

void throw_unsupported(const ImageFile& file, const std::string& what, const std::string& hint) {
  throw Error(ErrorCode::kUnsupported,
              join("decode_image: want JPEG, PNG or WebP, got ", what, " (", file.name, ")"), hint);
}

Image over_white(const std::uint8_t* rgba, int width, int height) {
  Image image(width, height);
  for (std::uint8_t* out = image.pixels.data(); out != image.pixels.data() + image.pixels.size();
       out += 3, rgba += 4) {
    const unsigned alpha = rgba[3];
    for (int c = 0; c < 3; ++c)  // rounded to nearest
      out[c] = static_cast<std::uint8_t>((rgba[c] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  return image;
}

}  // namespace shoplens
