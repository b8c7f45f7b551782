// SPDX-License-Identifier: Apache-2.0
#include "index/k_means.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"
#include "core/random.h"
#include "core/threads.h"
#include "index/approximate_index.h"

namespace shoplens {
namespace {

constexpr std::int64_t kSampledPerCentroid = 32;
constexpr int kRounds = 8;
constexpr std::int64_t kFewestInGroups = 8192;  // below, all are soon looked at
constexpr int kGroupsLookedInto = 16;
constexpr std::size_t kBlock = 2048;  // vectors that a thread takes at once

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

NearestCentroid::NearestCentroid(std::span<const float> centroids, int dim, int threads)
    : threads_(threads > 0 ? threads : available_cores()) {
  const std::int64_t count = static_cast<std::int64_t>(centroids.size()) / dim;
  if (count < kFewestInGroups) {
    auto all = std::make_unique<ExactIndex>(dim, 1);
    all->add_rows(centroids);
    index_ = std::move(all);
    return;
  }
  auto groups = std::make_unique<ApproximateIndex>(
      share({centroids.begin(), centroids.end()}), dim,
      ApproximateOptions{.recall = 0, .k = 1, .cells = std::llround(std::sqrt(count))}, 1);
  groups->set_probes(kGroupsLookedInto);
  index_ = std::move(groups);
}

std::vector<std::int32_t> NearestCentroid::of(std::span<const float> vectors) const {
  const auto width = static_cast<std::size_t>(index_->dim());
  const std::size_t count = vectors.size() / width;
  std::vector<std::int32_t> numbers(count);
  parallel_for(static_cast<std::int64_t>((count + kBlock - 1) / kBlock), threads_,
               [&](std::int64_t block) {
                 std::size_t at = static_cast<std::size_t>(block) * kBlock;
                 const std::size_t here = std::min(kBlock, count - at);
                 for (const auto& nearest : search(vectors.subspan(at * width, here * width), 1))
                   numbers[at++] = static_cast<std::int32_t>(nearest[0].id);
               });
  return numbers;
}

std::vector<float> k_means(std::span<const float> vectors, int dim, std::int64_t k, int threads) {
  const std::int64_t n = static_cast<std::int64_t>(vectors.size()) / dim;
  check(k > 0 && k <= n, "k-means: want from 1 to ", n, " centroids, got ", k);
  std::vector<float> sample;
  for (const std::int64_t row : sample_rows(n, std::min(n, k * kSampledPerCentroid))) {
    const auto vector =
        vectors.subspan(static_cast<std::size_t>(row * dim), static_cast<std::size_t>(dim));
    sample.insert(sample.end(), vector.begin(), vector.end());
  }
  l2_normalize(sample, dim);
  std::vector<float> centroids(sample.begin(), sample.begin() + k * dim);
  for (int round = 0; round < kRounds; ++round)
    move_centroids(sample, dim, NearestCentroid(centroids, dim, threads).of(sample), centroids);
  return centroids;
}

}  // namespace shoplens
