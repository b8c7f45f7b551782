// SPDX-License-Identifier: Apache-2.0
// GELU, and what squeeze-and-excitation does to a feature map.
#pragma once
#include "nn/exponential.h"
#include "nn/row_kernel.h"

namespace shoplens {
namespace {

// The normal distribution at x, and e^(-x^2 / 2), of which its density is a multiple:
//   Phi(-a) = e^(-a^2 / 2) q(t),  t = 1 / (1 + 0.31 a),  a >= 0,
// q of degree 6 without a constant (the form of Abramowitz and Stegun 7.1.26), fitted for the
// least greatest relative error of Phi(-a): 4.7e-6 up to a = 13, where the exponential ends.
template <class Floats>
struct Normal {
  explicit Normal(Floats x) {
    const Floats a = x < 0.0f ? -x : x;
    const Floats power = x * x * -0.5f;
    bell = power < -87.0f ? Floats{} : exponential(power);  // a large x would magnify what is left
    const Floats t = 1.0f / (1.0f + a * 0.31f);
    Floats q = t * -0.07392802f + 0.18044662f;
    q = q * t + 0.01574949f;
    q = q * t + 0.13342683f;
    q = q * t + 0.12044215f;
    q = q * t + 0.1238606f;
    const Floats tail = bell * q * t;
    phi = x < 0.0f ? tail : 1.0f - tail;
  }
  Floats phi, bell;
};

// step<lanes>(first) for all of [0, count).
template <class Step>
void for_values(std::int64_t count, const Step& step) {
  for_channels<kLanes, 1>(
      0, count, [&]<int lanes, int>(std::int64_t at) { step.template operator()<lanes>(at); });
}

void gelu(std::int64_t count, const Bfloat16* x, Bfloat16* y) {
  for_values(count, [&]<int lanes>(std::int64_t at) {
    typedef Simd<lanes> S;
    const auto value = S::load(x + at);
    S::store(value * Normal<typename S::Floats>(value).phi, y + at);
  });
}

void gelu_backward(std::int64_t count, const Bfloat16* x, const Bfloat16* dy, Bfloat16* dx) {
  for_values(count, [&]<int lanes>(std::int64_t at) {
    typedef Simd<lanes> S;
    const auto value = S::load(x + at);
    const Normal<typename S::Floats> normal(value);
    constexpr float kDensity = 0.39894228f;  // of the normal distribution at 0
    S::store(S::load(dy + at) * (normal.phi + value * normal.bell * kDensity), dx + at);
  });
}

void sum(RowShape shape, const Bfloat16* x, float* sum) {
  for_block(shape, [&]<int lanes, int rows>(std::int64_t at, std::int64_t c) {
    typedef Simd<lanes> S;
    typename S::Floats total{};
    for (int r = 0; r < rows; ++r, at += shape.channels) total += S::load(x + at);
    S::store(S::load(sum + c) + total, sum + c);
  });
}

void dot(RowShape shape, const Bfloat16* x, const Bfloat16* y, float* sum) {
  for_block(shape, [&]<int lanes, int rows>(std::int64_t at, std::int64_t c) {
    typedef Simd<lanes> S;
    typename S::Floats total{};
    for (int r = 0; r < rows; ++r, at += shape.channels) total += S::load(x + at) * S::load(y + at);
    S::store(S::load(sum + c) + total, sum + c);
  });
}

void scale(RowShape shape, const Bfloat16* x, const float* factor, const float* shift,
           const Bfloat16* shortcut, Bfloat16* y) {
  for_block(shape, [&]<int lanes, int rows>(std::int64_t at, std::int64_t c) {
    typedef Simd<lanes> S;
    const auto slope = S::load(factor + c);
    const auto base = shift ? S::load(shift + c) : typename S::Floats{};
    for (int r = 0; r < rows; ++r, at += shape.channels) {
      auto value = S::load(x + at) * slope + base;
      if (shortcut) value += S::load(shortcut + at);
      S::store(value, y + at);
    }
  });
}

constexpr PointwisePasses pointwise_passes() { return {gelu, gelu_backward, sum, dot, scale}; }

}  // namespace
}  // namespace shoplens
