// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include <cstring>

#include "index/int8_kernel.h"

namespace shoplens {
namespace {

// What multiplies bytes here sums pairs in 16 bits and stops at their end. With queries of 6 bits
// even four products, of two groups, fit: 4 * 255 * 31 < 2^15. So the codes can stay unsigned, and
// half of the sums are widened to 32 bits.
constexpr int kMaxQueryCode = 31;

constexpr int kLanes = 8;  // vectors a register

inline __m256i broadcast(const std::int8_t* group) {
  int word;
  std::memcpy(&word, group, sizeof word);
  return _mm256_set1_epi32(word);
}

// `columns` registers' width of vectors; all sums stay in registers.
template <int queries, int columns>
[[gnu::always_inline]] inline void column_products(const std::uint8_t* codes,
                                                   const Int8Query* query, int groups,
                                                   std::int32_t* out) {
  constexpr int kRow = kInt8Panel * kInt8Group;
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[queries][columns];
  for (int q = 0; q < queries; ++q)  // takes the 128s of the unsigned codes away again
    for (__m256i& s : sum[q]) s = _mm256_set1_epi32(-query[q].offset);
  int g = 0;
  for (; g + 1 < groups; g += 2, codes += 2 * kRow) {
    const auto* const one = reinterpret_cast<const __m256i*>(codes);
    const auto* const two = reinterpret_cast<const __m256i*>(codes + kRow);
    for (int q = 0; q < queries; ++q) {
      const __m256i q1 = broadcast(query[q].codes + g * kInt8Group);
      const __m256i q2 = broadcast(query[q].codes + (g + 1) * kInt8Group);
      for (int c = 0; c < columns; ++c) {
        const __m256i pairs =
            _mm256_add_epi16(_mm256_maddubs_epi16(one[c], q1), _mm256_maddubs_epi16(two[c], q2));
        sum[q][c] = _mm256_add_epi32(sum[q][c], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  if (g < groups)
    for (int q = 0; q < queries; ++q)
      for (int c = 0; c < columns; ++c) {
        const __m256i pairs = _mm256_maddubs_epi16(reinterpret_cast<const __m256i*>(codes)[c],
                                                   broadcast(query[q].codes + g * kInt8Group));
        sum[q][c] = _mm256_add_epi32(sum[q][c], _mm256_madd_epi16(pairs, ones));
      }
  for (int q = 0; q < queries; ++q)
    for (int c = 0; c < columns; ++c)
      _mm256_store_si256(reinterpret_cast<__m256i*>(out + q * kInt8Panel + c * kLanes), sum[q][c]);
}

template <int queries>
void inner_products(const std::uint8_t* codes, const Int8Query* query, int groups,
                    std::int32_t* out) {
  constexpr int kColumns = queries == 1 ? 8 : queries == 2 ? 4 : 2;
  for (int first = 0; first < kInt8Panel;
       first += kColumns * kLanes, codes += kColumns * kLanes * kInt8Group)
    if constexpr (queries <= 3) {
      column_products<queries, kColumns>(codes, query, groups, out + first);
    } else {
      column_products<3, kColumns>(codes, query, groups, out + first);
      column_products<queries - 3, kColumns>(codes, query + 3, groups,
                                             out + 3 * kInt8Panel + first);
    }
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_body.h"

namespace shoplens {
const Int8Kernel kInt8Avx2 = {"avx2", kMaxQueryCode, upper_bounds};
}
