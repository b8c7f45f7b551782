// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include <cstring>

#include "index/int8_kernel.h"

namespace shoplens {
namespace {

// |x| * (q with x's sign): as both are at most 127, the 16-bit sums of pairs cannot saturate.
template <int queries>
void inner_products(const std::uint8_t* codes, const Int8Query* query, int groups,
                    std::int32_t* out) {
  constexpr int kLanes = 8;                                          // vectors a register
  constexpr int kColumns = queries == 1 ? 8 : queries == 2 ? 4 : 2;  // registers of sums a query
  const __m256i bias = _mm256_set1_epi8(-128), ones = _mm256_set1_epi16(1);
  for (int first = 0; first < kInt8Panel; first += kColumns * kLanes) {
    __m256i sum[queries][kColumns];
    for (auto& row : sum)
      for (__m256i& s : row) s = _mm256_setzero_si256();
    for (int g = 0; g < groups; ++g) {
      const auto* const group = reinterpret_cast<const __m256i*>(
          codes + (static_cast<std::ptrdiff_t>(g) * kInt8Panel + first) * kInt8Group);
      __m256i q4[queries];
      for (int q = 0; q < queries; ++q) {
        int word;
        std::memcpy(&word, query[q].codes + g * kInt8Group, sizeof word);
        q4[q] = _mm256_set1_epi32(word);
      }
      for (int c = 0; c < kColumns; ++c) {
        const __m256i x = _mm256_xor_si256(_mm256_load_si256(group + c), bias);
        const __m256i size = _mm256_abs_epi8(x);
        for (int q = 0; q < queries; ++q) {
          const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(q4[q], x));
          sum[q][c] = _mm256_add_epi32(sum[q][c], _mm256_madd_epi16(pairs, ones));
        }
      }
    }
    for (int q = 0; q < queries; ++q)
      for (int c = 0; c < kColumns; ++c)
        _mm256_store_si256(reinterpret_cast<__m256i*>(out + q * kInt8Panel + first + c * kLanes),
                           sum[q][c]);
  }
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_body.h"

namespace shoplens {
const Int8Kernel kInt8Avx2 = {"avx2", upper_bounds};
}
