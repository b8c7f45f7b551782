// SPDX-License-Identifier: Apache-2.0
// Batch norm and the activation after it.
#pragma once
#include "nn/exponential.h"
#include "nn/row_kernel.h"

namespace shoplens {
namespace {

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
constexpr NormPasses<T> norm_passes() {
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
