// SPDX-License-Identifier: Apache-2.0
// For kernels compiled once an instruction set: no include, and nothing of external linkage.
#pragma once

namespace shoplens {
namespace {

/// e^x of every lane of a GNU vector of floats, within 2 units in the last place for x in
/// [-87, 88]; x is held to these bounds, and not-a-number stays.
///   e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln 2 / 2; e^r = 1 + r + r^2 q(r), where q is of
/// degree 4, fitted for the least greatest relative error (4e-9, a thirtieth of a unit).
template <class Floats>
inline Floats exponential(Floats x) {
  typedef decltype(x < x) Integers;  // as wide as a float
  const Floats zero{};
  x = x < -87.0f ? zero - 87.0f : x;
  x = x > 88.0f ? zero + 88.0f : x;
  // Adding 1.5 * 2^23 leaves no bit for a fraction: the sum's low bits are n.
  const Floats shifted = x * 1.44269504f + 12582912.0f;
  const Floats n = shifted - 12582912.0f;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two; the first is exact
  Floats q = r * 0.0013814602f + 0.0083687156f;
  q = q * r + 0.041668389f;
  q = q * r + 0.16666521f;
  q = q * r + 0.49999994f;
  const Floats power = (Floats)(((Integers)shifted + 127) << 23);  // 2^n: the exponent's bits
  return (1.0f + (r + r * r * q)) * power;
}

}  // namespace
}  // namespace shoplens
