// SPDX-License-Identifier: Apache-2.0
#include "image/color_jitter.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace shoplens {
namespace {

// ITU-R 601-2 luma in 16-bit fixed point, as Pillow's convert("L").
int grey(const std::uint8_t* pixel) {
  return (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16;
}

void blend_from(Image& image, int from, double factor) {
  std::array<std::uint8_t, 256> table;
  for (int v = 0; v < 256; ++v) table[v] = blend(from, v, static_cast<float>(factor));
  for (std::uint8_t& value : image.pixels) value = table[value];
}

}  // namespace

std::uint8_t blend(int from, int to, float factor) {
  const float value = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

void adjust_brightness(Image& image, double factor) { blend_from(image, 0, factor); }

void adjust_contrast(Image& image, double factor) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) sum += grey(&image.pixels[i]);
  const double count = static_cast<double>(image.pixels.size() / 3);
  blend_from(image, static_cast<int>(static_cast<double>(sum) / count + 0.5), factor);
}

void adjust_saturation(Image& image, double factor) {
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    std::uint8_t* const pixel = &image.pixels[i];
    const int from = grey(pixel);
    for (int c = 0; c < 3; ++c) pixel[c] = blend(from, pixel[c], static_cast<float>(factor));
  }
}

}  // namespace shoplens
