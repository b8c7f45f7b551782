// SPDX-License-Identifier: Apache-2.0
#include "image/tone.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "image/color_jitter.h"

namespace shoplens {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<std::int64_t, 256>;

std::uint8_t clipped(double value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
}

template <class Function>
Table table_of(const Function& function) {
  Table table;
  for (int v = 0; v < 256; ++v) table[v] = function(v);
  return table;
}

void look_up(Image& image, std::size_t first, std::size_t step, const Table& table) {
  for (std::size_t i = first; i < image.pixels.size(); i += step)
    image.pixels[i] = table[image.pixels[i]];
}

template <class Function>
void for_each_channel(Image& image, const Function& table_for) {
  for (std::size_t c = 0; c < 3; ++c) {
    Histogram histogram{};
    for (std::size_t i = c; i < image.pixels.size(); i += 3) ++histogram[image.pixels[i]];
    look_up(image, c, 3, table_for(histogram));
  }
}

const Table kUnchanged = table_of([](int v) { return static_cast<std::uint8_t>(v); });

Table stretched(const Histogram& histogram) {
  const auto there = [](std::int64_t count) { return count > 0; };
  const auto low = std::find_if(histogram.begin(), histogram.end(), there) - histogram.begin();
  const auto above = std::find_if(histogram.rbegin(), histogram.rend(), there) - histogram.rbegin();
  const auto high = 255 - above;
  if (high <= low) return kUnchanged;
  const double scale = 255.0 / static_cast<double>(high - low);
  const double offset = -static_cast<double>(low) * scale;
  return table_of([&](int v) { return clipped(v * scale + offset); });
}

// As many pixels on every value as Pillow's integer division allows: those of the last value are
// not counted, as it lands on 255 anyhow.
Table equalized(const Histogram& histogram) {
  std::int64_t all = 0, last = 0, values = 0;
  for (const std::int64_t count : histogram) {
    if (count == 0) continue;
    all += count;
    last = count;
    ++values;
  }
  const std::int64_t step = (all - last) / 255;
  if (values <= 1 || step == 0) return kUnchanged;
  std::int64_t below = step / 2;
  return table_of([&](int v) {
    const std::int64_t value = below / step;
    below += histogram[static_cast<std::size_t>(v)];
    return static_cast<std::uint8_t>(std::min<std::int64_t>(value, 255));
  });
}

// Pillow's ImageFilter.SMOOTH: the pixel five times, its eight neighbours once, over 13, to the
// nearest; the border stays.
Image smoothed(const Image& image) {
  Image out = image;
  const std::ptrdiff_t stride = std::ptrdiff_t{image.width} * 3;
  for (int y = 1; y + 1 < image.height; ++y)
    for (int x = 3; x < stride - 3; ++x) {
      const std::uint8_t* const at = image.row(y) + x;
      int sum = 4 * *at;
      for (const std::ptrdiff_t row : {-stride, std::ptrdiff_t{0}, stride})
        sum += at[row - 3] + at[row] + at[row + 3];
      out.row(y)[x] = static_cast<std::uint8_t>((2 * sum + 13) / 26);
    }
  return out;
}

}  // namespace

void posterize(Image& image, int bits) {
  const int mask = ~((1 << (8 - bits)) - 1);
  look_up(image, 0, 1, table_of([&](int v) { return static_cast<std::uint8_t>(v & mask); }));
}

void solarize(Image& image, double threshold) {
  look_up(image, 0, 1,
          table_of([&](int v) { return static_cast<std::uint8_t>(v < threshold ? v : 255 - v); }));
}

void autocontrast(Image& image) { for_each_channel(image, stretched); }

void equalize(Image& image) { for_each_channel(image, equalized); }

void adjust_sharpness(Image& image, double factor) {
  const Image from = smoothed(image);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = blend(from.pixels[i], image.pixels[i], static_cast<float>(factor));
}

}  // namespace shoplens
