// SPDX-License-Identifier: Apache-2.0
// A picture that the tests and tools/make_resize_goldens.py can both make.
#pragma once
#include <cstdint>

#include "image/image.h"

namespace shoplens {

/// Noise of a hash of (x, y, channel); its left third only black and white, so that bicubic
/// overshoots there.
inline Image test_pattern(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        std::uint32_t h = x * 73856093u ^ y * 19349663u ^ c * 83492791u;
        h ^= h >> 13;
        h *= 0x9E3779B1u;
        h ^= h >> 16;
        std::uint32_t value = h & 255;
        if (x < width / 3) value = value < 128 ? 0 : 255;
        image.row(y)[3 * x + c] = static_cast<std::uint8_t>(value);
      }
    }
  }
  return image;
}

}  // namespace shoplens
