// SPDX-License-Identifier: Apache-2.0
// Included by each rows_{baseline,avx2,avx512}.cpp, which first defines kLanes, the floats of its
// vectors. Channels that do not fill a vector go to narrower ones, down to one lane.
#pragma once
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "nn/row_passes.h"

namespace shoplens {
namespace {

// Rows taken together, so that what belongs to a channel is loaded once for all of them.
constexpr int kRowGroup = 4;

// GCC 12 does not convert vectors whose width a template's parameter gives: each width is written.
template <int lanes>
struct Vectors;
#define SHOPLENS_VECTORS(lanes)                                             \
  template <>                                                               \
  struct Vectors<lanes> {                                                   \
    typedef float Floats __attribute__((vector_size(4 * (lanes))));         \
    typedef std::uint32_t Words __attribute__((vector_size(4 * (lanes))));  \
    typedef std::uint16_t Halves __attribute__((vector_size(2 * (lanes)))); \
    static void convert(const Halves& from, Words& to) {                    \
      to = __builtin_convertvector(from, Words);                            \
    }                                                                       \
    static void convert(const Words& from, Halves& to) {                    \
      to = __builtin_convertvector(from, Halves);                           \
    }                                                                       \
  };
SHOPLENS_VECTORS(1)
SHOPLENS_VECTORS(2)
SHOPLENS_VECTORS(4)
SHOPLENS_VECTORS(8)
SHOPLENS_VECTORS(16)
#undef SHOPLENS_VECTORS

template <int lanes>
struct Simd : Vectors<lanes> {
  using typename Vectors<lanes>::Floats;
  using typename Vectors<lanes>::Words;
  using typename Vectors<lanes>::Halves;
  using Vectors<lanes>::convert;

  static Floats load(const float* from) {
    Floats value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  }
  static Floats load(const Bfloat16* from) {
    Halves halves;
    __builtin_memcpy(&halves, from, sizeof halves);
#ifdef __AVX512BF16__
    if constexpr (lanes == 16) {  // GCC 12 would widen each half of the vector by itself
      const Words wide = (Words)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)halves);
      return (Floats)(wide << 16);
    }
#endif
    Words words;
    convert(halves, words);
    return (Floats)(words << 16);
  }
  static void store(Floats value, float* to) { __builtin_memcpy(to, &value, sizeof value); }
  // To the nearest, of two as near to the even; not-a-number would round to infinity, so it is
  // named.
  static void store(Floats value, Bfloat16* to) {
#ifdef __AVX512BF16__
    if constexpr (lanes == 16) {  // one instruction for eight; it also takes denormals for 0
      const auto narrow = _mm512_cvtneps_pbh((__m512)value);
      __builtin_memcpy(to, &narrow, sizeof narrow);
      return;
    }
#endif
    const Words bits = (Words)value;
    Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    rounded = value == value ? rounded : Words{} + 0x7fc0;
    Halves halves;
    convert(rounded, halves);
    __builtin_memcpy(to, &halves, sizeof halves);
  }
};

// step<lanes, rows>(c) for the channels [first, channels): as many as fit in full vectors, then the
// rest by halves.
template <int lanes, int rows, class Step>
inline void for_channels(std::int64_t first, std::int64_t channels, const Step& step) {
  for (; first + lanes <= channels; first += lanes) step.template operator()<lanes, rows>(first);
  if constexpr (lanes > 1) {
    if (first < channels) for_channels<lanes / 2, rows>(first, channels, step);
  }
}

// step<lanes, rows>(offset of the first row, c) for all of a block.
template <class Step>
inline void for_block(RowShape shape, const Step& step) {
  const std::int64_t channels = shape.channels;
  std::int64_t row = 0;
  const auto at = [&]<int lanes, int rows>(std::int64_t c) {
    step.template operator()<lanes, rows>(row * channels + c, c);
  };
  for (; row + kRowGroup <= shape.rows; row += kRowGroup)
    for_channels<kLanes, kRowGroup>(0, channels, at);
  for (; row < shape.rows; ++row) for_channels<kLanes, 1>(0, channels, at);
}

}  // namespace
}  // namespace shoplens
