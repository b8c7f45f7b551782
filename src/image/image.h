// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace shoplens {

/// An 8-bit RGB picture, `pixels` row by row: [height, width, 3].
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(int width, int height)
      : width(width), height(height), pixels(static_cast<std::size_t>(width) * height * 3) {}
  std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * width * 3; }
  const std::uint8_t* row(int y) const {
    return pixels.data() + static_cast<std::size_t>(y) * width * 3;
  }
  bool operator==(const Image&) const = default;
};

}  // namespace shoplens
