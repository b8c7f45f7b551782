// SPDX-License-Identifier: Apache-2.0
#include "image/normalize_avx2.h"

#include <immintrin.h>

namespace shoplens {
namespace {

// Bytes of one channel of 8 pixels, from the first 16 and from the last 16 of their 24 bytes; -1
// gives 0.
constexpr signed char kFirst[3][16] = {
    {0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
    {1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
    {2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};
constexpr signed char kLast[3][16] = {
    {-1, -1, -1, -1, -1, -1, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1},
    {-1, -1, -1, -1, -1, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1},
    {-1, -1, -1, -1, -1, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1}};

struct Divisor {
  __m256 value, reciprocal;
  explicit Divisor(float x) : value(_mm256_set1_ps(x)), reciprocal(_mm256_set1_ps(1 / x)) {}
};

inline __m256 divide(__m256 x, const Divisor& by) {
  const __m256 quotient = _mm256_mul_ps(x, by.reciprocal);
  const __m256 remainder = _mm256_fnmadd_ps(quotient, by.value, x);
  return _mm256_fmadd_ps(remainder, by.reciprocal, quotient);
}

inline __m128i load(const void* bytes) {
  return _mm_loadu_si128(static_cast<const __m128i*>(bytes));
}

}  // namespace

void normalize_avx2(const std::uint8_t* pixels, std::size_t count, const float* mean,
                    const float* std, float* const* planes) {
  const Divisor full(255);
  const Divisor deviations[3] = {Divisor(std[0]), Divisor(std[1]), Divisor(std[2])};
  for (std::size_t i = 0; i < count; i += 8, pixels += 24) {
    const __m128i first = load(pixels), last = load(pixels + 8);
    for (int c = 0; c < 3; ++c) {
      const __m128i bytes = _mm_or_si128(_mm_shuffle_epi8(first, load(kFirst[c])),
                                         _mm_shuffle_epi8(last, load(kLast[c])));
      const __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
      const __m256 centred = _mm256_sub_ps(divide(value, full), _mm256_set1_ps(mean[c]));
      _mm256_storeu_ps(planes[c] + i, divide(centred, deviations[c]));
    }
  }
}

}  // namespace shoplens
