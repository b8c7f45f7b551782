// SPDX-License-Identifier: Apache-2.0
#include "index/inner_product.h"

#include <immintrin.h>

namespace shoplens {
namespace {

constexpr int kStrands = 32;  // so many that none waits for its last product

void add_portable(const float* a, const float* b, int dim, double* strands) {
  for (int j = 0; j < dim; j += kStrands)
    for (int s = 0; s < kStrands; ++s) strands[s] += double{a[j + s]} * b[j + s];
}

// Of __builtin_convertvector GCC 12 makes five instructions, some through memory.
[[gnu::target("avx2,fma")]] void add_avx2(const float* a, const float* b, int dim,
                                          double* strands) {
  constexpr int kLanes = 4, kRegisters = kStrands / kLanes;
  __m256d sum[kRegisters];
  for (__m256d& s : sum) s = _mm256_setzero_pd();
  for (int j = 0; j < dim; j += kStrands)
    for (int r = 0; r < kRegisters; ++r)
      sum[r] = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + j + r * kLanes)),
                               _mm256_cvtps_pd(_mm_loadu_ps(b + j + r * kLanes)), sum[r]);
  for (int r = 0; r < kRegisters; ++r) _mm256_storeu_pd(strands + r * kLanes, sum[r]);
}

}  // namespace

double inner_product(const float* a, const float* b, int dim) {
  static const auto kAdd =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? add_avx2 : add_portable;
  double strands[kStrands] = {};
  const int whole = dim - dim % kStrands;
  kAdd(a, b, whole, strands);
  for (int j = whole; j < dim; ++j) strands[j - whole] += double{a[j]} * b[j];
  for (int half = kStrands / 2; half > 0; half /= 2)
    for (int s = 0; s < half; ++s) strands[s] += strands[s + half];
  return strands[0];
}

}  // namespace shoplens
