// SPDX-License-Identifier: Apache-2.0
// Included once by each batch_norm_{baseline,avx2,avx512}.cpp, which first defines kLanes, the
// floats of its vectors. Channels that do not fill a vector go to narrower ones, down to one lane.
#pragma once
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "nn/batch_norm_passes.h"
#include "nn/exponential.h"

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

template <Epilogue epilogue, class Floats>
inline Floats apply(Floats z) {
  const Floats zero{};
  if constexpr (epilogue == Epilogue::kRelu) return z < 0.0f ? zero : z;
  if constexpr (epilogue == Epilogue::kRelu6) return z < 0.0f ? zero : (z > 6.0f ? zero + 6.0f : z);
  if constexpr (epilogue == Epilogue::kSilu) return z / (1.0f + exponential(-z));
  if constexpr (epilogue == Epilogue::kHardSwish) {  // z * relu6(z + 3) / 6
    const Floats shifted = z + 3.0f;
    return z * (shifted < 0.0f ? zero : (shifted > 6.0f ? zero + 6.0f : shifted)) * (1.0f / 6.0f);
  }
  return z;
}

// dy * epilogue'(z); at the corners of relu and relu6 nothing, as in torch.
template <Epilogue epilogue, class Floats>
inline Floats backward(Floats z, Floats dy) {
  const Floats zero{};
  if constexpr (epilogue == Epilogue::kRelu) return z <= 0.0f ? zero : dy;
  if constexpr (epilogue == Epilogue::kRelu6) return z <= 0.0f ? zero : (z >= 6.0f ? zero : dy);
  if constexpr (epilogue == Epilogue::kSilu) {
    const Floats s = 1.0f / (1.0f + exponential(-z));  // sigmoid
    return dy * s * (1.0f + z * (1.0f - s));
  }
  if constexpr (epilogue == Epilogue::kHardSwish)
    return z < -3.0f ? zero : (z <= 3.0f ? dy * (z * (1.0f / 3.0f) + 0.5f) : dy);
  return dy;
}

/// The parameters of `lanes` channels.
template <int lanes>
struct Channels {
  typedef Simd<lanes> S;
  typedef typename S::Floats Floats;
  Channels(const NormParameters& norm, std::int64_t c)
      : mean(S::load(norm.mean + c)),
        inverse_std(S::load(norm.inverse_std + c)),
        weight(S::load(norm.weight + c)),
        bias(S::load(norm.bias + c)) {}
  Floats normal(Floats x) const { return (x - mean) * inverse_std; }
  Floats affine(Floats n) const { return n * weight + bias; }
  Floats mean, inverse_std, weight, bias;
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

template <class T>
void moments(RowShape shape, const T* x, const float* shift, float* sum, float* square_sum) {
  for_block(shape, [&]<int lanes, int rows>(std::int64_t at, std::int64_t c) {
    typedef Simd<lanes> S;
    const auto base = S::load(shift + c);
    typename S::Floats linear{}, square{};
    for (int r = 0; r < rows; ++r) {
      const auto d = S::load(x + at + r * shape.channels) - base;
      linear += d;
      square += d * d;
    }
    S::store(S::load(sum + c) + linear, sum + c);
    S::store(S::load(square_sum + c) + square, square_sum + c);
  });
}

template <class T, Epilogue epilogue>
void normalize(RowShape shape, const T* x, const NormParameters& norm, T* y) {
  for_block(shape, [&]<int lanes, int rows>(std::int64_t at, std::int64_t c) {
    typedef Simd<lanes> S;
    const Channels<lanes> channels(norm, c);
    for (int r = 0; r < rows; ++r, at += shape.channels)
      S::store(apply<epilogue>(channels.affine(channels.normal(S::load(x + at)))), y + at);
  });
}

template <class T, Epilogue epilogue>
void reduce(RowShape shape, const T* x, const T* dy, const NormParameters& norm,
            [[maybe_unused]] T* dz_out, float* dz_sum, float* dz_n_sum) {
  for_block(shape, [&]<int lanes, int rows>(std::int64_t at, std::int64_t c) {
    typedef Simd<lanes> S;
    const Channels<lanes> channels(norm, c);
    typename S::Floats sum{}, n_sum{};
    for (int r = 0; r < rows; ++r, at += shape.channels) {
      const auto n = channels.normal(S::load(x + at));
      const auto dz = backward<epilogue>(channels.affine(n), S::load(dy + at));
      if constexpr (epilogue == Epilogue::kSilu) S::store(dz, dz_out + at);
      sum += dz;
      n_sum += dz * n;
    }
    S::store(S::load(dz_sum + c) + sum, dz_sum + c);
    S::store(S::load(dz_n_sum + c) + n_sum, dz_n_sum + c);
  });
}

template <class T, Epilogue epilogue>
void differentiate(RowShape shape, const T* x, const T* dy, const NormParameters& norm,
                   const float* dz_mean, const float* dz_n_mean, T* dx) {
  for_block(shape, [&]<int lanes, int rows>(std::int64_t at, std::int64_t c) {
    typedef Simd<lanes> S;
    const Channels<lanes> channels(norm, c);
    const auto mean = S::load(dz_mean + c), n_mean = S::load(dz_n_mean + c);
    const auto scale = channels.weight * channels.inverse_std;
    for (int r = 0; r < rows; ++r, at += shape.channels) {
      const auto n = channels.normal(S::load(x + at));
      const auto dz = backward<epilogue>(channels.affine(n), S::load(dy + at));
      S::store((dz - mean - n * n_mean) * scale, dx + at);
    }
  });
}

template <class T>
constexpr NormPasses<T> passes() {
  using enum Epilogue;
  return {moments<T>,
          {normalize<T, kNone>, normalize<T, kRelu>, normalize<T, kRelu6>, normalize<T, kSilu>,
           normalize<T, kHardSwish>},
          {reduce<T, kNone>, reduce<T, kRelu>, reduce<T, kRelu6>, reduce<T, kSilu>,
           reduce<T, kHardSwish>},
          {differentiate<T, kNone>, differentiate<T, kRelu>, differentiate<T, kRelu6>,
           differentiate<T, kNone>, differentiate<T, kHardSwish>}};
}

}  // namespace
}  // namespace shoplens
