// SPDX-License-Identifier: Apache-2.0
// The inner loop of the int8 scan, compiled once for each instruction set (int8_kernel_*.cpp) from
// int8_kernel_body.h. Plain pointers only: a file compiled for AVX must not emit shared inline
// functions that a processor without AVX could end up running.
#pragma once
#include <cstdint>

namespace shoplens {

inline constexpr int kInt8Panel = 64;  // vectors a panel: bits of a mask
inline constexpr int kInt8Group = 4;   // components of a vector that lie side by side
inline constexpr int kInt8Tile = 6;    // queries that one call takes: 6 x 4 AVX-512 accumulators

/// 64 vectors x, each scale * code + a rest, no longer than `error`. Components are numbers of
/// [-127, 127], kept as themselves + 128: one operand of the processors' instruction is unsigned.
struct Int8Panel {
  const std::uint8_t* codes;   // [groups, kInt8Panel, kInt8Group]
  const float *scale, *error;  // [kInt8Panel]
  float max_norm;              // no vector of the panel is longer, nor its scale * code
};

/// A query q of length 1, scale * code + a rest.
struct Int8Query {
  const std::int8_t* codes;  // [groups * kInt8Group], of the kernel's range
  std::int32_t offset;       // 128 times the sum of the codes
  float scale;
  float error;      // bounds |rest|, and the rounding of the bound itself, for x of length 1
  float threshold;  // of interest is what may score this or more
  double factor;    // what brought the query to length 1
};

/// How far the score <q, x> of vector i may lie from that of the codes. With x' = scale[i] * code:
/// <q, x> - <q', x'> = <q, x - x'> + <q - q', x'>, and by Cauchy-Schwarz these are at most
/// |x - x'| and |q - q'| |x'|. The last term covers what underflows.
/// (static: every instruction set has its own.)
static inline float int8_radius(const Int8Panel& panel, const Int8Query& query, int i) {
  return panel.error[i] + query.error * panel.max_norm + 1e-36f;
}

struct Int8Kernel {
  const char* name;
  int max_query_code;  // codes of a query are of [-this, this], at most 127

  /// For queries q < count <= kInt8Tile: upper[q * kInt8Panel + i] = the most that vector i can
  /// score; bit i of reached[q] = whether that reaches the query's threshold.
  void (*upper_bounds)(const Int8Panel& panel, const Int8Query* queries, int count, int groups,
                       float* upper, std::uint64_t* reached);
};

extern const Int8Kernel kInt8Baseline, kInt8Avx2, kInt8AvxVnni, kInt8Avx512Vnni;

}  // namespace shoplens
