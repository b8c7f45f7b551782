// SPDX-License-Identifier: Apache-2.0
#include "eval/shift.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "index/exact_index.h"

namespace shoplens {
namespace {

std::vector<float> nearest_cosines(const ExactIndex& gallery, std::span<const float> queries) {
  std::vector<float> cosines;
  for (const auto& hits : gallery.search(queries, 1)) cosines.push_back(hits[0].score);
  std::sort(cosines.begin(), cosines.end());
  return cosines;
}

double mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The greatest difference of the two distribution functions; a and b ascending.
double kolmogorov_smirnov(const std::vector<float>& a, const std::vector<float>& b) {
  double greatest = 0;
  for (const auto* values : {&a, &b})
    for (const float x : *values) {
      const auto share = [x](const std::vector<float>& of) {
        return static_cast<double>(std::upper_bound(of.begin(), of.end(), x) - of.begin()) /
               static_cast<double>(of.size());
      };
      greatest = std::max(greatest, std::abs(share(a) - share(b)));
    }
  return greatest;
}

// What it stays below in 95% of draws of n and m values from one distribution.
double kolmogorov_smirnov_by_chance(std::size_t n, std::size_t m) {
  const auto a = static_cast<double>(n), b = static_cast<double>(m);
  return std::sqrt(std::log(2 / 0.05) / 2 * (a + b) / (a * b));
}

// `count` rows, evenly spread.
std::vector<float> thin_out(std::span<const float> vectors, std::size_t dim, std::size_t count) {
  const std::size_t rows = vectors.size() / dim;
  std::vector<float> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = vectors.subspan(i * rows / count * dim, dim);
    out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

// Share of the rows of both sets whose nearest other row is of their own set.
double told_apart(std::span<const float> a, std::span<const float> b, int dim) {
  ExactIndex both(dim);
  both.add_rows(a);
  both.add_rows(b);
  const auto half = both.size() / 2;
  std::int64_t own = 0, row = 0;
  for (const auto& side : {a, b})
    for (const auto& hits : both.search(side, 2)) {
      const std::int64_t other = hits[0].id == row ? hits[1].id : hits[0].id;
      own += (other < half) == (row++ < half);
    }
  return static_cast<double>(own) / static_cast<double>(both.size());
}

}  // namespace

ShiftEstimate estimate_shift(std::span<const float> a, std::span<const float> b,
                             std::span<const float> gallery, int dim) {
  const auto width = static_cast<std::size_t>(dim);
  const std::size_t count = std::min(a.size(), b.size()) / width;
  check(count >= 2 && gallery.size() >= width,
        "shift: want at least 2 photos a side and 1 in the gallery, got ", a.size() / width, ", ",
        b.size() / width, " and ", gallery.size() / width);
  ExactIndex index(dim);
  index.add_rows(gallery);
  const auto nearest_a = nearest_cosines(index, a), nearest_b = nearest_cosines(index, b);
  ShiftEstimate shift;
  shift.nearest_a = mean(nearest_a);
  shift.nearest_b = mean(nearest_b);
  shift.nearest_distance = kolmogorov_smirnov(nearest_a, nearest_b);
  shift.nearest_distance_by_chance =
      kolmogorov_smirnov_by_chance(nearest_a.size(), nearest_b.size());
  shift.told_apart = told_apart(thin_out(a, width, count), thin_out(b, width, count), dim);
  const auto n = static_cast<double>(2 * count);
  shift.told_apart_by_chance = 0.5 + 1.96 * std::sqrt(0.25 / n);  // a binomial's, as if independent
  return shift;
}

}  // namespace shoplens
