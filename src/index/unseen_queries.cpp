// SPDX-License-Identifier: Apache-2.0
#include "index/unseen_queries.h"

#include <cmath>

#include "core/random.h"

namespace shoplens {
namespace {

constexpr double kCosine = 0.65;

// x [dim] over its length, or zeros.
void to_unit(std::vector<double>& x) {
  double square = 0;
  for (const double value : x) square += value * value;
  for (double& value : x) value = square > 0 ? value / std::sqrt(square) : 0;
}

}  // namespace

std::vector<float> unseen_queries(std::span<const float> vectors, int dim, std::int64_t count) {
  const auto width = static_cast<std::size_t>(dim);
  Random random{2};
  const auto any = [&] {
    const auto n = static_cast<double>(vectors.size() / width);
    return vectors.subspan(static_cast<std::size_t>(random.uniform() * n) * width, width);
  };
  std::vector<float> queries;
  queries.reserve(static_cast<std::size_t>(count) * width);
  std::vector<double> query(width), away(width);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto from = any(), a = any(), b = any();
    query.assign(from.begin(), from.end());
    to_unit(query);
    double along = 0;
    for (std::size_t j = 0; j < width; ++j) {
      away[j] = double{a[j]} - double{b[j]};
      along += away[j] * query[j];
    }
    for (std::size_t j = 0; j < width; ++j) away[j] -= along * query[j];
    to_unit(away);
    for (std::size_t j = 0; j < width; ++j)
      query[j] = kCosine * query[j] + std::sqrt(1 - kCosine * kCosine) * away[j];
    to_unit(query);  // where two were equal, there was nothing to add
    queries.insert(queries.end(), query.begin(), query.end());
  }
  return queries;
}

}  // namespace shoplens
