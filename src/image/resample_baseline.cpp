// SPDX-License-Identifier: Apache-2.0
#include <emmintrin.h>

#include <cstring>

#include "image/resample.h"

namespace shoplens {
namespace {

constexpr int kLanes = 4;
typedef std::int32_t Words __attribute__((vector_size(4 * kLanes)));

inline Words widen(const std::uint8_t* bytes) {
  std::int32_t four;
  std::memcpy(&four, bytes, sizeof four);
  const __m128i zero = _mm_setzero_si128();
  return (Words)_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero), zero);
}

inline void narrow(Words words, std::uint8_t* out) {
  const __m128i half = _mm_packs_epi32((__m128i)words, (__m128i)words);
  const std::int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(half, half));
  std::memcpy(out, &four, sizeof four);
}

}  // namespace
}  // namespace shoplens

#include "image/resample_kernel.h"

namespace shoplens {
const ResamplePasses kResampleBaseline = {"baseline", horizontal_pass, vertical_pass};
}
