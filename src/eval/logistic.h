// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace shoplens {

/// 1 / (1 + e^-x)
double sigmoid(double x);

/// Logistic regression by Newton's method: weights w [1 + columns], w[0] the intercept, that
/// minimise the weighted mean log loss of sigmoid(w[0] + w[1:] . x) with Platt's targets
/// (positives + 1) / (positives + 2) and 1 / (negatives + 2) in place of 1 and 0, which keep it
/// finite where the two can be told apart perfectly (Platt 1999; Lin, Lin, Weng 2007). x [n,
/// columns], right (0 or 1) and weight [n]; throws kBadInput for other sizes, or when all are right
/// or all wrong.
std::vector<double> fit_logistic(std::span<const double> x, std::size_t columns,
                                 std::span<const std::uint8_t> right,
                                 std::span<const double> weight);

}  // namespace shoplens
