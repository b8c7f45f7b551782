// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

namespace shoplens {

/// Global average precision, the landmark contests' measure: all predictions in one list, the
/// surest first,
///   1/N sum over the right ones of (right ones so far) / (place in the list),
/// N the number of queries that have a right answer: a truth below 0 has none. Of equally sure ones
/// the earlier row comes first. truth, predicted, confidence [N]; 0 for N = 0. Source: Perronnin et
/// al. 2009, "A family of contextual measures of similarity", CVPR.
double global_average_precision(const std::vector<std::int64_t>& truth,
                                const std::vector<std::int64_t>& predicted,
                                const std::vector<double>& confidence);

}  // namespace shoplens
