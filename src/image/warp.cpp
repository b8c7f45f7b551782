// SPDX-License-Identifier: Apache-2.0
#include "image/warp.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numbers>

namespace shoplens {
namespace {

// Coordinates have 32 fraction bits, so that adding a step a thousand times loses nothing; a weight
// has 11, so that pixel * weight * weight fits 32 bits.
constexpr int kFraction = 32, kWeight = 11;
constexpr std::int64_t kOne = std::int64_t{1} << kFraction;
constexpr int kUnit = 1 << kWeight;

std::int64_t to_fixed(double x) { return std::llrint(x * static_cast<double>(kOne)); }

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {  // b > 0
  return a / b + (a % b > 0 ? 1 : 0);
}

// A coordinate along a row of the output: start + k * step.
struct Line {
  std::int64_t start, step;
};

struct Range {
  std::int64_t begin, end;
};

// The k in `range` for which the coordinate is in [-1, size): those that touch the picture.
Range touching(const Line& line, int size, Range range) {
  const std::int64_t low = -kOne, high = size * kOne;
  if (line.step == 0) return line.start >= low && line.start < high ? range : Range{0, 0};
  std::int64_t begin, end;
  if (line.step > 0) {
    begin = ceil_divide(low - line.start, line.step);
    end = ceil_divide(high - line.start, line.step);
  } else {  // the mirrored condition: -coordinate in (-high, -low]
    begin = ceil_divide(line.start - high + 1, -line.step);
    end = ceil_divide(line.start - low + 1, -line.step);
  }
  begin = std::max(begin, range.begin);
  return {begin, std::max(begin, std::min(end, range.end))};
}

// The picture in a black frame one pixel wide: then no pixel that touches() needs a test of its
// neighbours.
Image framed(const Image& image) {
  Image out(image.width + 2, image.height + 2);
  for (int y = 0; y < image.height; ++y)
    std::memcpy(out.row(y + 1) + 3, image.row(y), static_cast<std::size_t>(image.width) * 3);
  return out;
}

void warp_row(const Image& frame, const Line& column, const Line& row, Range range,
              std::uint8_t* out) {
  const std::ptrdiff_t stride = std::ptrdiff_t{frame.width} * 3;
  std::int64_t x = column.start + range.begin * column.step, y = row.start + range.begin * row.step;
  for (std::int64_t k = range.begin; k < range.end; ++k, x += column.step, y += row.step) {
    const std::uint8_t* const top =
        frame.pixels.data() + ((y >> kFraction) + 1) * stride + ((x >> kFraction) + 1) * 3;
    const std::uint8_t* const bottom = top + stride;
    const int right_weight = static_cast<int>(x >> (kFraction - kWeight)) & (kUnit - 1);
    const int bottom_weight = static_cast<int>(y >> (kFraction - kWeight)) & (kUnit - 1);
    for (int c = 0; c < 3; ++c) {
      const int above = top[c] * kUnit + (top[c + 3] - top[c]) * right_weight;
      const int below = bottom[c] * kUnit + (bottom[c + 3] - bottom[c]) * right_weight;
      const int sum = above * kUnit + (below - above) * bottom_weight;
      out[3 * k + c] = static_cast<std::uint8_t>((sum + kUnit * kUnit / 2) >> (2 * kWeight));
    }
  }
}

}  // namespace

Image warp(const Image& image, const Affine& to_source) {
  const Image frame = framed(image);
  Image out(image.width, image.height);
  constexpr std::int64_t kRound = kOne >> (kWeight + 1);  // weights are rounded, not cut
  for (int y = 0; y < out.height; ++y) {
    const Line column{to_fixed(to_source.xy * y + to_source.x0) + kRound, to_fixed(to_source.xx)};
    const Line row{to_fixed(to_source.yy * y + to_source.y0) + kRound, to_fixed(to_source.yx)};
    const Range range = touching(row, image.height, touching(column, image.width, {0, out.width}));
    warp_row(frame, column, row, range, out.row(y));
  }
  return out;
}

Affine shift_scale_rotate(int width, int height, double dx, double dy, double scale,
                          double degrees) {
  const double radians = degrees * std::numbers::pi / 180;
  const double cosine = std::cos(radians) / scale, sine = std::sin(radians) / scale;
  const double center_x = (width - 1) / 2.0, center_y = (height - 1) / 2.0;
  Affine inverse{cosine, -sine, 0, sine, cosine, 0};
  // The point center + (dx, dy) of the output comes from the centre.
  inverse.x0 = center_x - inverse.xx * (center_x + dx) - inverse.xy * (center_y + dy);
  inverse.y0 = center_y - inverse.yx * (center_x + dx) - inverse.yy * (center_y + dy);
  return inverse;
}

}  // namespace shoplens
