// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoplens {

/// The inner product of a [dim] and b [dim] in float64, summed in 32 strands (strand s takes the
/// components s, s + 32, ...), of which the upper half is added to the lower until one is left. The
/// product of two floats is exact in float64, so a fused multiply-add and two instructions give the
/// same: equal to the bit on every processor.
double inner_product(const float* a, const float* b, int dim);

}  // namespace shoplens
