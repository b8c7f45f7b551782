// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include <cstring>

#include "index/int8_kernel.h"

namespace shoplens {
namespace {

// _mm512_dpbusd_epi32, written out: what GCC 12 makes of that moves every sum to another register
// and back, and keeps some in memory, which takes as long as the products.
inline void add_products(__m512i& sum, __m512i codes, __m512i query) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(query));
}

constexpr int kLanes = 16, kColumns = kInt8Panel / kLanes;

template <int queries>
[[gnu::always_inline]] inline void add_group(const std::uint8_t* codes, const Int8Query* query,
                                             int g, __m512i* sum) {
  const auto* const group = reinterpret_cast<const __m512i*>(codes) + g * kColumns;
  const __m512i x0 = group[0], x1 = group[1], x2 = group[2], x3 = group[3];
#pragma GCC unroll 6
  for (int q = 0; q < queries; ++q) {
    int word;
    std::memcpy(&word, query[q].codes + g * kInt8Group, sizeof word);
    const __m512i q4 = _mm512_set1_epi32(word);
    add_products(sum[q * kColumns], x0, q4);
    add_products(sum[q * kColumns + 1], x1, q4);
    add_products(sum[q * kColumns + 2], x2, q4);
    add_products(sum[q * kColumns + 3], x3, q4);
  }
}

template <int queries>
void inner_products(const std::uint8_t* codes, const Int8Query* query, int groups,
                    std::int32_t* out) {
  constexpr int kSums = queries * kColumns;
  __m512i sum[kSums], more[kSums];
#pragma GCC unroll 24
  for (int i = 0; i < kSums; ++i)  // takes the 128s of the unsigned codes away again
    sum[i] = _mm512_set1_epi32(-query[i / kColumns].offset);
  int g = 0;
  if constexpr (queries <= 2) {  // twice the sums, as each waits for its last product
#pragma GCC unroll 24
    for (int i = 0; i < kSums; ++i) more[i] = _mm512_setzero_si512();
    for (; g + 1 < groups; g += 2) {
      add_group<queries>(codes, query, g, sum);
      add_group<queries>(codes, query, g + 1, more);
    }
#pragma GCC unroll 24
    for (int i = 0; i < kSums; ++i) sum[i] = _mm512_add_epi32(sum[i], more[i]);
  }
  for (; g < groups; ++g) add_group<queries>(codes, query, g, sum);
#pragma GCC unroll 24
  for (int i = 0; i < kSums; ++i) _mm512_store_si512(out + i * kLanes, sum[i]);
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_body.h"

namespace shoplens {
const Int8Kernel kInt8Avx512Vnni = {"avx512vnni", 127, upper_bounds};
}
