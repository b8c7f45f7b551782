// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>

namespace shoplens {

/// pixels [count, 3] -> planes[c][i] = (pixel / 255 - mean[c]) / std[c], for a processor with AVX2
/// and FMA; count a multiple of 8. A quotient is a product with the reciprocal, corrected once by
/// its remainder, which gives the rounded quotient (Markstein 1990, doi:10.1147/rd.341.0111) but
/// for rare divisors: whoever calls it checks all 256 values.
void normalize_avx2(const std::uint8_t* pixels, std::size_t count, const float* mean,
                    const float* std, float* const* planes);

}  // namespace shoplens
