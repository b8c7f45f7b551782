// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <chrono>
#include <vector>

namespace shoplens {

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The value that `share` of all are below, one of them: quantile(values, 0.99) is the p99.
inline double quantile(std::vector<double> values, double share) {
  const auto place = std::min(static_cast<std::size_t>(share * static_cast<double>(values.size())),
                              values.size() - 1);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// Of an odd number of values the middle one; of an even number the higher of the two.
inline double median(const std::vector<double>& values) { return quantile(values, 0.5); }

}  // namespace shoplens
