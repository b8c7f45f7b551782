// SPDX-License-Identifier: Apache-2.0
// The loops of a depthwise convolution, compiled once for each instruction set (depthwise_*.cpp)
// from depthwise_loops.h. Plain pointers only: a file compiled for AVX must not emit shared inline
// functions that a processor without AVX could end up running.
#pragma once
#include <cstdint>

namespace shoplens {

/// Channels that a call works on: a cache line of bfloat16.
inline constexpr int kDepthwiseBlock = 32;

/// The largest side of a kernel.
inline constexpr int kDepthwiseMaxKernel = 64;

/// x [batch, height, width, channels] -> y [batch, out_height, out_width, channels]; x is padded
/// by `top` rows and `left` columns. Elements are float or bfloat16. `padded_channels` is the
/// channels rounded up to whole blocks.
struct DepthwiseShape {
  std::int64_t batch, channels, padded_channels, height, width, out_height, out_width;
  int kernel, stride, top, left;
  bool bf16;
};

/// An instruction set's loops. `weight`, `grad_weight` [kernel * kernel, padded_channels] and
/// `bias` [padded_channels] are packed: 0 behind the last channel, at addresses divisible by 64, as
/// is `scratch`. A call works on the channels from block * kDepthwiseBlock on.
struct DepthwiseKernels {
  const char* name;

  /// Floats of scratch that a call of either function needs.
  std::int64_t (*scratch_floats)(const DepthwiseShape& shape);

  /// Writes rows [begin, end) of the batch * out_height rows of y.
  void (*forward)(const DepthwiseShape& shape, std::int64_t block, std::int64_t begin,
                  std::int64_t end, const void* x, const float* weight, const float* bias,
                  float* scratch, void* y);

  /// Writes rows [begin, end) of the batch * height rows of grad_x, and into grad_weight the sum
  /// over just these rows of x.
  void (*backward)(const DepthwiseShape& shape, std::int64_t block, std::int64_t begin,
                   std::int64_t end, const void* x, const float* weight, const void* grad_y,
                   float* scratch, void* grad_x, float* grad_weight);
};

extern const DepthwiseKernels kDepthwiseBaseline, kDepthwiseAvx2, kDepthwiseAvx512;

}  // namespace shoplens
