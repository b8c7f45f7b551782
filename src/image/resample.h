// SPDX-License-Identifier: Apache-2.0
// The two inner passes of resize, compiled once for each instruction set (resample_*.cpp) from
// resample_kernel.h. Plain pointers only: a file compiled for AVX must not emit shared inline
// functions that a processor without AVX could end up running.
#pragma once
#include <cstddef>
#include <cstdint>

namespace shoplens {

/// Fraction bits of a weight: 8-bit pixels, 2 bits of head room for what overshoots, in 32 bits.
inline constexpr int kWeightBits = 32 - 8 - 2;

/// Rows (horizontal pass) that are worked on together; three channels of them fill kBlock bytes.
inline constexpr int kBlockRows = 16, kBlock = 3 * kBlockRows;

/// One axis of a resize: output i is the sum over t < count[i] of pixel[first[i] + t] * weights[i *
/// stride + t], in kWeightBits fixed point.
struct AxisWeights {
  int outputs, stride;
  const int *first, *count;
  const std::int32_t* weights;
};

/// An instruction set's passes. `source` and `out` are rows of RGB bytes, their strides in bytes.
struct ResamplePasses {
  const char* name;

  /// rows x [any, 3] -> rows x [axis.outputs, 3]. Reads the `columns` source pixels from `source`
  /// on (first[] counts from there). `scratch` holds (columns + axis.outputs) * kBlock bytes.
  void (*horizontal)(const AxisWeights& axis, const std::uint8_t* source,
                     std::ptrdiff_t source_stride, int rows, int columns, std::uint8_t* scratch,
                     std::uint8_t* out, std::ptrdiff_t out_stride);

  /// any x [row_bytes] -> axis.outputs x [row_bytes].
  void (*vertical)(const AxisWeights& axis, const std::uint8_t* source,
                   std::ptrdiff_t source_stride, std::ptrdiff_t row_bytes, std::uint8_t* out,
                   std::ptrdiff_t out_stride);
};

extern const ResamplePasses kResampleBaseline, kResampleAvx2;

}  // namespace shoplens
