// SPDX-License-Identifier: Apache-2.0
// The inner passes over rows of channels, compiled once for each instruction set
// (rows_{baseline,avx2,avx512}.cpp) from batch_norm_kernel.h and pointwise_kernel.h. No Torch here:
// its inline functions must not be compiled for a processor that may not be there.
#pragma once
#include <cstdint>

namespace shoplens {

typedef std::uint16_t Bfloat16;  // the upper half of a float's bits

/// What follows the norm, in the order of NormPasses' tables.
enum class Epilogue { kNone, kRelu, kRelu6, kSilu, kHardSwish };
inline constexpr int kEpilogues = 5;

/// Rows of C contiguous channels: a [N, C, H, W] tensor in channels_last is N * H * W of them.
struct RowShape {
  std::int64_t rows, channels;
};

/// One value a channel each:  n = (x - mean) * inverse_std,  z = n * weight + bias.
struct NormParameters {
  const float *mean, *inverse_std, *weight, *bias;
};

/// T is float or Bfloat16; all arithmetic is in float. Sums are added to what is there.
template <class T>
struct NormPasses {
  /// sum += x - shift, square_sum += (x - shift)^2, over the rows.
  void (*moments)(RowShape shape, const T* x, const float* shift, float* sum, float* square_sum);
  /// y = epilogue(z)
  void (*normalize[kEpilogues])(RowShape shape, const T* x, const NormParameters& norm, T* y);
  /// With dz = dy * epilogue'(z): dz_sum += dz, dz_n_sum += dz * n, over the rows. kSilu also
  /// writes dz, since another exponential costs more than memory does; the others leave it.
  void (*reduce[kEpilogues])(RowShape shape, const T* x, const T* dy, const NormParameters& norm,
                             T* dz, float* dz_sum, float* dz_n_sum);
  /// dx = weight * inverse_std * (dz - dz_mean - n * dz_n_mean); dx may be dy. For kSilu, dy is
  /// the dz that reduce wrote.
  void (*differentiate[kEpilogues])(RowShape shape, const T* x, const T* dy,
                                    const NormParameters& norm, const float* dz_mean,
                                    const float* dz_n_mean, T* dx);
};

/// Of bfloat16, all arithmetic in float: what it saves is memory traffic, which float32 has too,
/// but float32 is what others' results are compared with, and stays Torch's.
struct PointwisePasses {
  /// y = x * Phi(x), the normal distribution's; within 5e-6 of Phi, relative.
  void (*gelu)(std::int64_t count, const Bfloat16* x, Bfloat16* y);
  /// dx = dy * (Phi(x) + x * phi(x)); dx may be dy.
  void (*gelu_backward)(std::int64_t count, const Bfloat16* x, const Bfloat16* dy, Bfloat16* dx);
  /// sum += x over the rows.
  void (*sum)(RowShape shape, const Bfloat16* x, float* sum);
  /// sum += x * y over the rows.
  void (*dot)(RowShape shape, const Bfloat16* x, const Bfloat16* y, float* sum);
  /// y = x * factor + shift + shortcut; factor and shift are one value a channel; shift and
  /// shortcut may be null.
  void (*scale)(RowShape shape, const Bfloat16* x, const float* factor, const float* shift,
                const Bfloat16* shortcut, Bfloat16* y);
};

struct RowKernels {
  const char* name;
  NormPasses<float> norm_float32;
  NormPasses<Bfloat16> norm_bfloat16;
  PointwisePasses pointwise;
};

extern const RowKernels kRowBaseline, kRowAvx2, kRowAvx512;

}  // namespace shoplens
