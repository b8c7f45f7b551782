// SPDX-License-Identifier: Apache-2.0
// Included once by each depthwise_*.cpp, which first defines kLanes, the floats of a register.
//
// Rows of one block of channels are first copied to a ring of scratch rows, as float and with their
// zero padding: [vector of channels, column, lane]. The loops over them need no case for an edge, a
// tail of channels or an element type, and what they touch stays in the first-level cache.
#pragma once
#include <cstddef>
#include <cstring>

#include "nn/depthwise_kernels.h"

namespace shoplens {
namespace {

typedef float Floats __attribute__((vector_size(4 * kLanes), may_alias));
typedef std::uint32_t Words __attribute__((vector_size(4 * kLanes)));
typedef std::uint16_t Halves __attribute__((vector_size(2 * kLanes)));

/// A bfloat16: the upper half of a float.
enum Bf16 : std::uint16_t {};

/// Output pixels that are summed side by side, so that one addition need not wait for another.
constexpr int kTile = 4;

/// Pixels of a block lie a pixel's channels apart, which the processor's own prefetcher loses at
/// each page: ask for those of so many pixels later, in this row or the next one.
constexpr int kAhead = 32;

// kWrite 1: to be written.
template <int kWrite, int kChannels, class Element>
inline void prefetch(const Element* pixel, std::int64_t step) {
  constexpr int kLine = 64, kBytes = kChannels * static_cast<int>(sizeof(Element));
  const auto* const later = reinterpret_cast<const char*>(pixel + kAhead * step);
#pragma GCC unroll 4
  for (int byte = 0; byte < kBytes; byte += kLine) __builtin_prefetch(later + byte, kWrite);
  if (step * sizeof(Element) % kLine != 0)  // they may begin within a line
    __builtin_prefetch(later + kBytes - 1, kWrite);
}

inline Floats& at(float* p) { return *reinterpret_cast<Floats*>(p); }
inline const Floats& at(const float* p) { return *reinterpret_cast<const Floats*>(p); }

inline Floats widen(const float* elements) {
  Floats value;
  std::memcpy(&value, elements, sizeof value);
  return value;
}

inline Floats widen(const Bf16* elements) {
  Halves halves;
  std::memcpy(&halves, elements, sizeof halves);
  return (Floats)(__builtin_convertvector(halves, Words) << 16);
}

inline void narrow(Floats value, float* elements) { std::memcpy(elements, &value, sizeof value); }

// To the nearest, ties to even; a NaN stays one.
inline void narrow(Floats value, Bf16* elements) {
  const Words bits = (Words)value;
  const Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const Words nan = (bits >> 16) | 0x40;
  const Halves halves = __builtin_convertvector(value == value ? rounded : nan, Halves);
  std::memcpy(elements, &halves, sizeof halves);
}

template <class Element>
inline Floats load(const Element* elements, int lanes) {
  if (lanes >= kLanes) return widen(elements);
  Element padded[kLanes] = {};
  std::memcpy(padded, elements, static_cast<std::size_t>(lanes) * sizeof(Element));
  return widen(padded);
}

template <class Element>
inline void store(Floats value, Element* elements, int lanes) {
  if (lanes >= kLanes) return narrow(value, elements);
  Element padded[kLanes];
  narrow(value, padded);
  std::memcpy(elements, padded, static_cast<std::size_t>(lanes) * sizeof(Element));
}

constexpr std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Taps of the kernel that can meet one pixel of x, along one axis.
constexpr int reach(const DepthwiseShape& s) { return (s.kernel + s.stride - 1) / s.stride; }

// Columns of the scratch rows: of x forward, of x backward (whose columns go by `stride` through
// `steps`), and of the gradient of y, which begins with reach - 1 columns of zeros.
std::int64_t forward_columns(const DepthwiseShape& s) {
  return (round_up(s.out_width, kTile) - 1) * s.stride + s.kernel;
}
std::int64_t backward_steps(const DepthwiseShape& s) {
  return round_up((s.width + s.left + s.stride - 1) / s.stride, kTile);
}
std::int64_t grad_columns(const DepthwiseShape& s) { return backward_steps(s) + reach(s) - 1; }

std::int64_t scratch_floats(const DepthwiseShape& s) {
  const std::int64_t forward = s.kernel * forward_columns(s);
  const std::int64_t backward = (reach(s) + 1) * grad_columns(s) + 2 * backward_steps(s) * s.stride;
  return (forward > backward ? forward : backward) * kDepthwiseBlock;
}

// The part of a block that has channels: `vectors` registers.
struct Block {
  Block(const DepthwiseShape& s, std::int64_t index)
      : first(index * kDepthwiseBlock),
        channels(static_cast<int>(s.channels - first < kDepthwiseBlock ? s.channels - first
                                                                       : kDepthwiseBlock)),
        vectors((channels + kLanes - 1) / kLanes) {}
  std::int64_t first;
  int channels, vectors;
};

// Copies `count` pixels to the columns [lead, lead + count) of a scratch row, zeros elsewhere.
template <class Element>
void load_row(const Element* source, std::int64_t step, std::int64_t lead, std::int64_t count,
              std::int64_t columns, const Block& block, float* row) {
  if (count > columns - lead) count = columns - lead;
  if (count < 0) count = 0;
  for (int v = 0; v < block.vectors; ++v) {
    float* const plane = row + v * columns * kLanes;
    for (std::int64_t i = 0; i < lead && i < columns; ++i) at(plane + i * kLanes) = Floats{};
    for (std::int64_t i = lead + count; i < columns; ++i) at(plane + i * kLanes) = Floats{};
  }
  float* const first = row + lead * kLanes;
  for (std::int64_t i = 0; i < count; ++i, source += step) {
    prefetch<0, kDepthwiseBlock>(source, step);
    for (int v = 0; v < block.vectors; ++v)
      at(first + (v * columns + i) * kLanes) =
          load(source + v * kLanes, block.channels - v * kLanes);
  }
}

// One row of y for one register of channels. kKernel and kStride 0: those of the shape.
template <int kKernel, int kStride, class Element>
void forward_row(const DepthwiseShape& s, const float* const* rows, const float* weight,
                 Floats bias, Element* y, int lanes) {
  const int kernel = kKernel > 0 ? kKernel : s.kernel;
  const int stride = kStride > 0 ? kStride : s.stride;
  const std::int64_t tap_step = s.padded_channels;
  for (std::int64_t o = 0; o < s.out_width; o += kTile) {
    Floats sum[kTile];
    for (Floats& value : sum) value = bias;
    const float* w = weight;
    for (int r = 0; r < kernel; ++r) {
      const float* const row = rows[r] + o * stride * kLanes;
#pragma GCC unroll 5
      for (int c = 0; c < kernel; ++c, w += tap_step)
#pragma GCC unroll 4
        for (int t = 0; t < kTile; ++t) sum[t] += at(row + (t * stride + c) * kLanes) * at(w);
    }
#pragma GCC unroll 4
    for (int t = 0; t < kTile; ++t)
      if (o + t < s.out_width) {
        prefetch<1, kLanes>(y + (o + t) * s.channels, s.channels);
        store(sum[t], y + (o + t) * s.channels, lanes);
      }
  }
}

template <class Element>
auto choose_forward(const DepthwiseShape& s) {
  if (s.kernel == 3 && s.stride == 1) return forward_row<3, 1, Element>;
  if (s.kernel == 3 && s.stride == 2) return forward_row<3, 2, Element>;
  if (s.kernel == 5 && s.stride == 1) return forward_row<5, 1, Element>;
  if (s.kernel == 5 && s.stride == 2) return forward_row<5, 2, Element>;
  return forward_row<0, 0, Element>;
}

template <class Element>
void forward_of(const DepthwiseShape& s, std::int64_t index, std::int64_t begin, std::int64_t end,
                const Element* x, const float* weight, const float* bias, float* scratch,
                Element* y) {
  const Block block(s, index);
  const std::int64_t columns = forward_columns(s), row_floats = columns * kDepthwiseBlock;
  const auto row_of = choose_forward<Element>(s);
  std::int64_t next = 0;  // the first row of the padded picture that is not in the ring yet
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t n = i / s.out_height, top = i % s.out_height * s.stride;
    if (i == begin || top == 0 || next < top) next = top;
    for (; next < top + s.kernel; ++next) {
      const std::int64_t h = next - s.top;
      const bool inside = h >= 0 && h < s.height;
      const Element* const source =
          x + (inside ? (n * s.height + h) * s.width * s.channels + block.first : 0);
      load_row(source, s.channels, s.left, inside ? s.width : 0, columns, block,
               scratch + next % s.kernel * row_floats);
    }
    for (int v = 0; v < block.vectors; ++v) {
      const float* rows[kDepthwiseMaxKernel];
      for (int r = 0; r < s.kernel; ++r)
        rows[r] = scratch + (top + r) % s.kernel * row_floats + v * columns * kLanes;
      const std::int64_t channel = block.first + v * kLanes;
      row_of(s, rows, weight + channel, at(bias + channel),
             y + i * s.out_width * s.channels + channel, block.channels - v * kLanes);
    }
  }
}

// Every `stride`th pixel of a row of x, from some column on, meets the same taps of the kernel. A
// sweep takes kRows x kColumns of these: dx[m] = sum of dy[r][m - c] * w[r][c] (added to dx if
// `add`), and dw[r][c] += sum over m of dy[r][m - c] * x[m]. The gradient is loaded once for both.
struct SweepArguments {
  const float* x;
  float* dx;
  std::int64_t pixel_step, steps;  // floats from one m to the next; number of m
  const float* dy[kDepthwiseMaxKernel];
  const float* w;
  float* dw;
  std::int64_t row_step, column_step;  // floats from one tap to the next
};

template <int kRows, int kColumns>
void sweep(const SweepArguments& a, int row, int column, bool add) {
  constexpr int kTaps = kRows * kColumns;
  constexpr int kChains = kTaps >= 4 ? 1 : kTaps > 1 ? 2 : 4;  // sums that need not wait
  Floats w[kTaps], dw[kChains][kTaps] = {};
  const float* dy[kRows];
  const std::int64_t first_tap = row * a.row_step + column * a.column_step;
  for (int r = 0; r < kRows; ++r) {
    dy[r] = a.dy[row + r] - column * kLanes;
    for (int c = 0; c < kColumns; ++c)
      w[r * kColumns + c] = at(a.w + first_tap + r * a.row_step + c * a.column_step);
  }
  for (std::int64_t m = 0; m < a.steps; m += kChains)
#pragma GCC unroll 4
    for (int u = 0; u < kChains; ++u) {
      const Floats x = at(a.x + (m + u) * a.pixel_step);
      float* const dx = a.dx + (m + u) * a.pixel_step;
      Floats sum = add ? at(dx) : Floats{};
#pragma GCC unroll 5
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 5
        for (int c = 0; c < kColumns; ++c) {
          const Floats g = at(dy[r] + (m + u - c) * kLanes);
          sum += g * w[r * kColumns + c];
          dw[u][r * kColumns + c] += g * x;
        }
      at(dx) = sum;
    }
  for (int r = 0; r < kRows; ++r)
    for (int c = 0; c < kColumns; ++c)
      for (int u = 0; u < kChains; ++u)
        at(a.dw + first_tap + r * a.row_step + c * a.column_step) += dw[u][r * kColumns + c];
}

struct Sweep {
  void (*function)(const SweepArguments&, int, int, bool);
  int rows, columns;
};

// What a 3x3 and a 5x5 kernel need at stride 1 and 2; else one tap after the other.
Sweep choose_sweep(int rows, int columns) {
  constexpr Sweep kSweeps[] = {{sweep<3, 3>, 3, 3}, {sweep<3, 2>, 3, 2}, {sweep<2, 3>, 2, 3},
                               {sweep<2, 2>, 2, 2}, {sweep<2, 1>, 2, 1}, {sweep<1, 2>, 1, 2}};
  for (const Sweep& s : kSweeps)
    if (s.rows == rows && s.columns == columns) return s;
  if (columns == 5) return {sweep<1, 5>, 1, 5};
  return {sweep<1, 1>, 1, 1};
}

// One row of x for one register of channels; `phase` is the kernel's first row that meets it.
void backward_row(const DepthwiseShape& s, int phase, const float* const* grad_rows,
                  const float* weight, const float* x, float* grad_x, float* grad_weight) {
  const std::int64_t tap_step = s.padded_channels;
  SweepArguments a;
  a.pixel_step = std::int64_t{s.stride} * kLanes;
  a.steps = backward_steps(s);
  a.row_step = s.stride * s.kernel * tap_step;
  a.column_step = s.stride * tap_step;
  const int rows = (s.kernel - phase + s.stride - 1) / s.stride;
  for (int r = 0; r < rows; ++r) a.dy[r] = grad_rows[r] + (reach(s) - 1) * kLanes;
  for (int p = 0; p < s.stride; ++p) {
    a.x = x + p * kLanes;
    a.dx = grad_x + p * kLanes;
    a.w = weight + (phase * s.kernel + p) * tap_step;
    a.dw = grad_weight + (phase * s.kernel + p) * tap_step;
    const int columns = (s.kernel - p + s.stride - 1) / s.stride;
    const Sweep chosen = choose_sweep(rows, columns);
    bool add = false;
    for (int r = 0; r < rows; r += chosen.rows)
      for (int c = 0; c < columns; c += chosen.columns, add = true) chosen.function(a, r, c, add);
    if (!add)  // a kernel smaller than the stride leaves pixels out
      for (std::int64_t m = 0; m < a.steps; ++m) at(a.dx + m * a.pixel_step) = Floats{};
  }
}

template <class Element>
void backward_of(const DepthwiseShape& s, std::int64_t index, std::int64_t begin, std::int64_t end,
                 const Element* x, const float* weight, const Element* grad_y, float* scratch,
                 Element* grad_x, float* grad_weight) {
  const Block block(s, index);
  const int taps = reach(s);
  const std::int64_t columns = backward_steps(s) * s.stride, grad_width = grad_columns(s);
  const std::int64_t grad_floats = grad_width * kDepthwiseBlock;
  float* const zeros = scratch + taps * grad_floats;
  float* const x_row = zeros + grad_floats;
  float* const grad_x_row = x_row + columns * kDepthwiseBlock;
  load_row(grad_y, 0, 0, 0, grad_width, block, zeros);
  for (int tap = 0; tap < s.kernel * s.kernel; ++tap)
    std::memset(grad_weight + tap * s.padded_channels + block.first, 0,
                kDepthwiseBlock * sizeof(float));

  std::int64_t next = 0;  // the first row of grad_y that is not in the ring yet
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t n = i / s.height, padded = i % s.height + s.top;
    const std::int64_t last = padded / s.stride;  // row of grad_y; the ring ends with it
    if (i == begin || i % s.height == 0) next = last < taps ? 0 : last - taps + 1;
    for (; next <= last && next < s.out_height; ++next)
      load_row(grad_y + (n * s.out_height + next) * s.out_width * s.channels + block.first,
               s.channels, taps - 1, s.out_width, grad_width, block,
               scratch + next % taps * grad_floats);
    load_row(x + i * s.width * s.channels + block.first, s.channels, s.left, s.width, columns,
             block, x_row);
    for (int v = 0; v < block.vectors; ++v) {
      const float* rows[kDepthwiseMaxKernel];
      for (int r = 0; r < taps; ++r) {
        const std::int64_t row = last - r;
        const bool inside = row >= 0 && row < s.out_height;
        rows[r] = (inside ? scratch + row % taps * grad_floats : zeros) + v * grad_width * kLanes;
      }
      const std::int64_t channel = block.first + v * kLanes, plane = v * columns * kLanes;
      backward_row(s, static_cast<int>(padded % s.stride), rows, weight + channel, x_row + plane,
                   grad_x_row + plane, grad_weight + channel);
    }
    Element* const out = grad_x + i * s.width * s.channels + block.first;
    for (std::int64_t w = 0; w < s.width; ++w) {
      prefetch<1, kDepthwiseBlock>(out + w * s.channels, s.channels);
      for (int v = 0; v < block.vectors; ++v)
        store(at(grad_x_row + (v * columns + s.left + w) * kLanes),
              out + w * s.channels + v * kLanes, block.channels - v * kLanes);
    }
  }
}

void forward(const DepthwiseShape& s, std::int64_t block, std::int64_t begin, std::int64_t end,
             const void* x, const float* weight, const float* bias, float* scratch, void* y) {
  if (s.bf16)
    forward_of(s, block, begin, end, static_cast<const Bf16*>(x), weight, bias, scratch,
               static_cast<Bf16*>(y));
  else
    forward_of(s, block, begin, end, static_cast<const float*>(x), weight, bias, scratch,
               static_cast<float*>(y));
}

void backward(const DepthwiseShape& s, std::int64_t block, std::int64_t begin, std::int64_t end,
              const void* x, const float* weight, const void* grad_y, float* scratch, void* grad_x,
              float* grad_weight) {
  if (s.bf16)
    backward_of(s, block, begin, end, static_cast<const Bf16*>(x), weight,
                static_cast<const Bf16*>(grad_y), scratch, static_cast<Bf16*>(grad_x), grad_weight);
  else
    backward_of(s, block, begin, end, static_cast<const float*>(x), weight,
                static_cast<const float*>(grad_y), scratch, static_cast<float*>(grad_x),
                grad_weight);
}

}  // namespace
}  // namespace shoplens
