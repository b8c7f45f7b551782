// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include <cstring>

#include "index/int8_kernel.h"

namespace shoplens {
namespace {

template <int queries>
void inner_products(const std::uint8_t* codes, const Int8Query* query, int groups,
                    std::int32_t* out) {
  constexpr int kLanes = 16, kColumns = kInt8Panel / kLanes;
  __m512i sum[queries][kColumns];
  for (int q = 0; q < queries; ++q)  // takes the 128s of the unsigned codes away again
    for (__m512i& s : sum[q]) s = _mm512_set1_epi32(-query[q].offset);
  const auto* group = reinterpret_cast<const __m512i*>(codes);
  for (int g = 0; g < groups; ++g, group += kColumns) {
    __m512i x[kColumns];
    for (int c = 0; c < kColumns; ++c) x[c] = _mm512_load_si512(group + c);
    for (int q = 0; q < queries; ++q) {
      int word;
      std::memcpy(&word, query[q].codes + g * kInt8Group, sizeof word);
      const __m512i q4 = _mm512_set1_epi32(word);
      for (int c = 0; c < kColumns; ++c) sum[q][c] = _mm512_dpbusd_epi32(sum[q][c], x[c], q4);
    }
  }
  for (int q = 0; q < queries; ++q)
    for (int c = 0; c < kColumns; ++c)
      _mm512_store_si512(out + q * kInt8Panel + c * kLanes, sum[q][c]);
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_body.h"

namespace shoplens {
const Int8Kernel kInt8Avx512Vnni = {"avx512vnni", upper_bounds};
}
