// SPDX-License-Identifier: Apache-2.0
#include "index/k_means.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace shoplens {
namespace {

constexpr std::int64_t kSampledPerCentroid = 32;
constexpr int kRounds = 8;
constexpr std::size_t kBlock = 16384;  // vectors whose results are held at once

// `count` different rows of n, in random order.
std::vector<std::int64_t> sample_rows(std::int64_t n, std::int64_t count) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  Random random{1};
  for (std::int64_t i = 0; i < count; ++i)
    std::swap(rows[static_cast<std::size_t>(i)],
              rows[static_cast<std::size_t>(
                  i + static_cast<std::int64_t>(random.uniform() * static_cast<double>(n - i)))]);
  rows.resize(static_cast<std::size_t>(count));
  return rows;
}

// The rows in that order, read in theirs: in a file larger than memory each would else cost a read
// of the disk.
std::vector<float> rows_of(std::span<const float> vectors, int dim,
                           std::span<const std::int64_t> rows) {
  std::vector<std::size_t> places(rows.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::sort(places, {}, [&](std::size_t place) { return rows[place]; });
  const auto width = static_cast<std::size_t>(dim);
  std::vector<float> values(rows.size() * width);
  for (const std::size_t place : places)
    std::ranges::copy(vectors.subspan(static_cast<std::size_t>(rows[place]) * width, width),
                      values.begin() + static_cast<std::ptrdiff_t>(place * width));
  return values;
}

// Sums of the vectors of each cell, over their length; a cell without any stays where it was.
void move_centroids(std::span<const float> vectors, int dim,
                    const std::vector<std::int32_t>& nearest, std::vector<float>& centroids) {
  std::vector<double> sums(centroids.size());
  std::vector<bool> moved(centroids.size() / static_cast<std::size_t>(dim));
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    const std::int64_t cell = nearest[i];
    moved[static_cast<std::size_t>(cell)] = true;
    for (int j = 0; j < dim; ++j)
      sums[static_cast<std::size_t>(cell * dim + j)] +=
          vectors[i * static_cast<std::size_t>(dim) + static_cast<std::size_t>(j)];
  }
  for (std::size_t x = 0; x < sums.size(); ++x)
    if (moved[x / static_cast<std::size_t>(dim)]) centroids[x] = static_cast<float>(sums[x]);
  l2_normalize(centroids, dim);
}

}  // namespace

std::vector<std::int32_t> nearest_centroids(const ExactIndex& centroids,
                                            std::span<const float> vectors) {
  const std::size_t block = kBlock * static_cast<std::size_t>(centroids.dim());
  std::vector<std::int32_t> numbers;
  numbers.reserve(vectors.size() / static_cast<std::size_t>(centroids.dim()));
  for (std::size_t first = 0; first < vectors.size(); first += block)
    for (const auto& nearest :
         centroids.search(vectors.subspan(first, std::min(block, vectors.size() - first)), 1))
      numbers.push_back(static_cast<std::int32_t>(nearest[0].id));
  return numbers;
}

std::vector<float> k_means(std::span<const float> vectors, int dim, std::int64_t k, int threads) {
  const std::int64_t n = static_cast<std::int64_t>(vectors.size()) / dim;
  check(k > 0 && k <= n, "k-means: want from 1 to ", n, " centroids, got ", k);
  std::vector<float> sample =
      rows_of(vectors, dim, sample_rows(n, std::min(n, k * kSampledPerCentroid)));
  l2_normalize(sample, dim);
  std::vector<float> centroids(sample.begin(), sample.begin() + k * dim);
  for (int round = 0; round < kRounds; ++round) {
    ExactIndex index(dim, threads);
    index.add_rows(centroids);
    move_centroids(sample, dim, nearest_centroids(index, sample), centroids);
  }
  return centroids;
}

}  // namespace shoplens
