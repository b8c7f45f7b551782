// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "image/resample.h"

namespace shoplens {
namespace {

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

// Keys 1981, doi:10.1109/TASSP.1981.1163711, eq. 4 with a = -1/2.
double keys_cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Owns what an AxisWeights points at.
struct Axis {
  int low = 0, high = 0;  // the source pixels that are read; first[] counts from low
  int stride = 0;
  std::vector<int> first, count;
  std::vector<std::int32_t> weights;

  AxisWeights view() const {
    return {static_cast<int>(first.size()), stride, first.data(), count.data(), weights.data()};
  }
};

// What an axis' weights are made from.
struct AxisArguments {
  int source_size = 0;
  double box_from = 0, box_to = 0;
  int size = 0, begin = 0, end = 0;
  Interpolation interpolation = Interpolation::kBilinear;
  bool operator==(const AxisArguments&) const = default;
};

// Weights that take source pixels [box_from, box_to) of `source_size` to outputs [begin, end) of
// `size`; nothing when that leaves every pixel as it is. Pillow keeps the box in float and the rest
// in double; so must this, or the last bit of a weight differs.
std::optional<Axis> make_axis(const AxisArguments& arguments) {
  const auto& [source_size, box_from, box_to, size, begin, end, interpolation] = arguments;
  const float from = static_cast<float>(box_from), to = static_cast<float>(box_to);
  if (size == source_size && from == 0 && to == static_cast<float>(size)) return std::nullopt;
  const auto kernel = interpolation == Interpolation::kBilinear ? triangle : keys_cubic;
  const double radius = interpolation == Interpolation::kBilinear ? 1 : 2;
  const double scale = static_cast<double>(to - from) / size;
  const double stretch =
      std::max(scale, 1.0);  // shrinking widens the kernel: that is the antialiasing
  const double support = radius * stretch;
  const double inverse = 1.0 / stretch;

  Axis axis;
  axis.stride = 2 * static_cast<int>(std::ceil(support)) + 1;
  axis.weights.resize(static_cast<std::size_t>(end - begin) * axis.stride);
  std::vector<double> exact(axis.stride);
  for (int i = begin; i < end; ++i) {
    const double center = from + (i + 0.5) * scale;
    const int low = std::max(static_cast<int>(center - support + 0.5), 0);
    const int high = std::min(static_cast<int>(center + support + 0.5), source_size);
    double sum = 0;
    for (int x = low; x < high; ++x) sum += exact[x - low] = kernel((x - center + 0.5) * inverse);
    std::int32_t* const fixed =
        axis.weights.data() + static_cast<std::size_t>(i - begin) * axis.stride;
    for (int x = low; x < high; ++x) {
      const double weight = (sum != 0 ? exact[x - low] / sum : exact[x - low]) * (1 << kWeightBits);
      fixed[x - low] = static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    axis.first.push_back(low);
    axis.count.push_back(high - low);
  }
  axis.low = axis.first.front();
  axis.high = axis.low;
  for (std::size_t i = 0; i < axis.first.size(); ++i) {
    axis.high = std::max(axis.high, axis.first[i] + axis.count[i]);
    axis.first[i] -= axis.low;
  }
  return axis;
}

// The last axis made, kept while the next photo has the same size: weights are a tenth of a small
// photo's time.
struct AxisCache {
  AxisArguments arguments;
  std::optional<Axis> axis;

  const std::optional<Axis>& get(const AxisArguments& wanted) {
    if (!(arguments == wanted)) {
      axis = make_axis(wanted);
      arguments = wanted;
    }
    return axis;
  }
};

// Rows of RGB bytes inside a picture.
struct Pixels {
  const std::uint8_t* data;
  int columns, rows;
  std::ptrdiff_t stride;
};

Pixels pixels_of(const Image& image) {
  return {image.pixels.data(), image.width, image.height, std::ptrdiff_t{image.width} * 3};
}

Image copy(const Pixels& source) {
  Image out(source.columns, source.rows);
  for (int y = 0; y < out.height; ++y)
    std::memcpy(out.row(y), source.data + y * source.stride,
                static_cast<std::size_t>(out.width) * 3);
  return out;
}

Image resize_across(const Pixels& source, const Axis& axis, const ResamplePasses& passes) {
  Image out(static_cast<int>(axis.first.size()), source.rows);
  std::vector<std::uint8_t> scratch((static_cast<std::size_t>(source.columns) + out.width) *
                                    kBlock);
  passes.horizontal(axis.view(), source.data, source.stride, source.rows, source.columns,
                    scratch.data(), out.pixels.data(), std::ptrdiff_t{out.width} * 3);
  return out;
}

Image resize_down(const Pixels& source, const Axis& axis, const ResamplePasses& passes) {
  Image out(source.columns, static_cast<int>(axis.first.size()));
  const std::ptrdiff_t row_bytes = std::ptrdiff_t{out.width} * 3;
  passes.vertical(axis.view(), source.data, source.stride, row_bytes, out.pixels.data(), row_bytes);
  return out;
}

// Which pass comes first shows in the last bit, as the picture between them is rounded to 8 bits.
// Pillow 13 shrinks vertically first when the height loses more than twice what the width does;
// older versions never do.
bool vertical_first(const Image& image, int width, int height) {
  const std::int64_t rows_lost = image.height - height, columns_lost = image.width - width;
  return rows_lost > 0 && rows_lost > 2 * columns_lost;
}

void check_arguments(const Image& image, int width, int height, const Box& box) {
  check(image.width > 0 && image.height > 0, "resize: want a picture of at least 1x1 pixels, got ",
        image.width, "x", image.height);
  check(width > 0 && height > 0, "resize: want a size of at least 1x1, got ", width, "x", height);
  check(box.left >= 0 && box.top >= 0 && box.left < box.right && box.top < box.bottom &&
            box.right <= image.width && box.bottom <= image.height,
        "resize: want a box that is not empty and lies inside ", image.width, "x", image.height,
        ", got [", box.left, ", ", box.right, ") x [", box.top, ", ", box.bottom, ")");
}

}  // namespace

std::vector<const ResamplePasses*> supported_passes() {
  std::vector<const ResamplePasses*> passes{&kResampleBaseline};
  if (__builtin_cpu_supports("avx2")) passes.push_back(&kResampleAvx2);
  return passes;
}

Image resize_window(const Image& image, int width, int height, Interpolation interpolation,
                    const Box& box, const Window& window, const ResamplePasses& passes) {
  check_arguments(image, width, height, box);
  thread_local AxisCache across_cache, down_cache;
  const std::optional<Axis>& across = across_cache.get(
      {image.width, box.left, box.right, width, window.x, window.x + window.width, interpolation});
  const std::optional<Axis>& down =
      down_cache.get({image.height, box.top, box.bottom, height, window.y, window.y + window.height,
                      interpolation});

  // The part of the picture that is read.
  const int left = across ? across->low : window.x,
            columns = across ? across->high - left : window.width;
  const int top = down ? down->low : window.y, rows = down ? down->high - top : window.height;
  const Pixels source{image.row(top) + std::ptrdiff_t{left} * 3, columns, rows,
                      std::ptrdiff_t{image.width} * 3};

  if (!across && !down) return copy(source);
  if (!down) return resize_across(source, *across, passes);
  if (!across) return resize_down(source, *down, passes);
  if (vertical_first(image, width, height))
    return resize_across(pixels_of(resize_down(source, *down, passes)), *across, passes);
  return resize_down(pixels_of(resize_across(source, *across, passes)), *down, passes);
}

Image resize_window(const Image& image, int width, int height, Interpolation interpolation,
                    const Window& window) {
  static const ResamplePasses& best = *supported_passes().back();
  const Box whole{0, 0, static_cast<double>(image.width), static_cast<double>(image.height)};
  return resize_window(image, width, height, interpolation, whole, window, best);
}

Image resize(const Image& image, int width, int height, Interpolation interpolation,
             const Box& box) {
  static const ResamplePasses& best = *supported_passes().back();
  return resize_window(image, width, height, interpolation, box, {0, 0, width, height}, best);
}

Image resize(const Image& image, int width, int height, Interpolation interpolation) {
  return resize_window(image, width, height, interpolation, {0, 0, width, height});
}

}  // namespace shoplens
