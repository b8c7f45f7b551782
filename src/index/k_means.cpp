// SPDX-License-Identifier: Apache-2.0
#include "index/k_means.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"
#include "core/random.h"
#include "index/top_k.h"

namespace shoplens {
namespace {

constexpr std::int64_t kSampledPerCentroid = 32;
constexpr int kRounds = 8;
constexpr std::int64_t kFewestInGroups = 8192;  // below, all are soon looked at
constexpr int kGroupsLookedInto = 16;
constexpr std::size_t kBlock = 16384;  // vectors that wait for each other

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
    : dim_(dim), leaders_(dim, threads) {
  const auto width = static_cast<std::size_t>(dim);
  const auto count = static_cast<std::int64_t>(centroids.size() / width);
  const std::vector<float> leaders =
      count < kFewestInGroups
          ? std::vector<float>(centroids.begin(), centroids.begin() + dim)
          : k_means(centroids, dim, std::llround(std::sqrt(static_cast<double>(count))), threads);
  ExactIndex by_group(dim, threads);
  by_group.add_rows(leaders);
  std::vector<std::vector<std::int64_t>> members(leaders.size() / width);
  const auto nearest = by_group.search(centroids, 1);
  for (std::size_t i = 0; i < nearest.size(); ++i)
    members[static_cast<std::size_t>(nearest[i][0].id)].push_back(static_cast<std::int64_t>(i));
  for (std::size_t g = 0; g < members.size(); ++g) {
    if (members[g].empty()) continue;
    leaders_.add_rows(std::span(leaders).subspan(g * width, width));
    ExactIndex& group = groups_.emplace_back(dim, threads);
    for (const std::int64_t i : members[g])
      group.add({&i, 1}, centroids.subspan(static_cast<std::size_t>(i) * width, width));
  }
}

std::vector<std::int32_t> NearestCentroid::of(std::span<const float> vectors) const {
  const std::size_t block = kBlock * static_cast<std::size_t>(dim_);
  std::vector<std::int32_t> numbers;
  numbers.reserve(vectors.size() / static_cast<std::size_t>(dim_));
  for (std::size_t first = 0; first < vectors.size(); first += block)
    for (const auto& nearest :
         search(vectors.subspan(first, std::min(block, vectors.size() - first)), 1))
      numbers.push_back(static_cast<std::int32_t>(nearest[0].id));
  return numbers;
}

// Group by group, each with all the vectors that look into it.
std::vector<std::vector<Hit>> NearestCentroid::search(std::span<const float> vectors, int k) const {
  if (groups_.size() == 1) return groups_[0].search(vectors, k);
  const auto width = static_cast<std::size_t>(dim_);
  std::vector<std::vector<std::size_t>> looking(groups_.size());
  const auto leaders = leaders_.search(vectors, kGroupsLookedInto);
  for (std::size_t i = 0; i < leaders.size(); ++i)
    for (const Hit& leader : leaders[i]) looking[static_cast<std::size_t>(leader.id)].push_back(i);
  std::vector<TopK> best(leaders.size(), TopK(static_cast<std::size_t>(k)));
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (looking[g].empty()) continue;
    std::vector<float> here;
    for (const std::size_t i : looking[g])
      here.insert(here.end(), &vectors[i * width], &vectors[i * width] + width);
    const auto found = groups_[g].search(here, k);
    for (std::size_t j = 0; j < found.size(); ++j)
      for (const Hit& hit : found[j]) best[looking[g][j]].offer({hit.id, double{hit.score}});
  }
  std::vector<std::vector<Hit>> nearest(leaders.size());
  for (std::size_t i = 0; i < nearest.size(); ++i)
    for (const Scored& one : best[i].take())
      nearest[i].push_back({one.id, static_cast<float>(one.score)});
  return nearest;
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
