// SPDX-License-Identifier: Apache-2.0
#include "index/k_means.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "index/exact_index.h"

namespace shoplens {
namespace {

constexpr int kDim = 16;

// [count, kDim] of length 1: row i lies about direction i % directions.
std::vector<float> around(int count, int directions, double noise, std::uint64_t seed) {
  std::vector<float> vectors;
  Random random{seed};
  for (int i = 0; i < count; ++i) {
    Random direction{9, static_cast<std::uint64_t>(i % directions)};
    for (int j = 0; j < kDim; ++j)
      vectors.push_back(
          static_cast<float>(direction.uniform(-1, 1) + noise * random.uniform(-1, 1)));
  }
  l2_normalize(vectors, kDim);
  return vectors;
}

double mean_best_cosine(const std::vector<float>& vectors, const std::vector<float>& centroids) {
  ExactIndex index(kDim, 2);
  index.add_rows(centroids);
  double sum = 0;
  const auto found = index.search(vectors, 1);
  for (const auto& hits : found) sum += hits[0].score;
  return sum / static_cast<double>(found.size());
}

TEST(KMeans, GathersVectorsAboutTheirDirections) {
  const auto vectors = around(2000, 40, 0.1, 1);
  const auto centroids = k_means(vectors, kDim, 80, 2);
  EXPECT_GT(mean_best_cosine(vectors, centroids), 0.97);
  std::vector<float> chosen;  // by chance, as many of the vectors themselves
  Random random{3};
  for (int c = 0; c < 80; ++c) {
    const auto* const vector = vectors.data() + random.integer(0, 1999) * kDim;
    chosen.insert(chosen.end(), vector, vector + kDim);
  }
  EXPECT_GT(mean_best_cosine(vectors, centroids), mean_best_cosine(vectors, chosen));
  for (std::size_t c = 0; c < 80; ++c) {
    double squares = 0;
    for (int j = 0; j < kDim; ++j)
      squares += double{centroids[c * kDim + static_cast<std::size_t>(j)]} *
                 centroids[c * kDim + static_cast<std::size_t>(j)];
    EXPECT_NEAR(squares, 1, 1e-6);
  }
}

TEST(KMeans, DependsOnTheVectorsAlone) {
  const auto vectors = around(3000, 40, 0.5, 1);
  EXPECT_EQ(k_means(vectors, kDim, 50, 1), k_means(vectors, kDim, 50, 4));
}

TEST(KMeans, TakesDirectionsOfVectorsOfAnyLengthAndZeros) {
  auto vectors = around(300, 10, 0.1, 1);
  for (std::size_t i = 0; i < vectors.size(); ++i)
    vectors[i] *= i / kDim % 3 == 0 ? 0.0f : i / kDim % 3 == 1 ? 1e10f : 1e-10f;
  for (const float x : k_means(vectors, kDim, 20, 2)) EXPECT_LE(std::abs(x), 1.0001f);
  EXPECT_THROW(k_means(vectors, kDim, 301, 2), Error);
  EXPECT_THROW(k_means(vectors, kDim, 0, 2), Error);
}

TEST(NearestCentroid, IsTheNearestOfFewAndNearlyAlwaysOfMany) {
  for (const int count : {1, 7, 1000, 9000}) {
    const auto centroids = around(count, 60, 0.8, 1), vectors = around(2000, 60, 0.8, 2);
    const NearestCentroid nearest(centroids, kDim, 2);
    ExactIndex all(kDim, 2);
    all.add_rows(centroids);
    const auto exact = all.search(vectors, 1);
    const auto named = nearest.of(vectors);
    int same = 0;
    for (std::size_t i = 0; i < named.size(); ++i) same += named[i] == exact[i][0].id;
    EXPECT_GE(same, count <= 1000 ? 2000 : 1900) << count;
    // More of them begin alike, and none comes twice.
    for (const int k : {2, 40}) {
      const auto more = nearest.search(vectors, k);
      const auto true_ones = all.search(vectors, k);
      std::size_t found = 0, wanted = 0;
      for (std::size_t i = 0; i < more.size(); ++i) {
        std::set<std::int64_t> ids;
        for (const Hit& hit : more[i]) ids.insert(hit.id);
        EXPECT_EQ(more[i][0].id, named[i]);
        EXPECT_EQ(ids.size(), more[i].size());
        EXPECT_TRUE(std::is_sorted(more[i].begin(), more[i].end(),
                                   [](const Hit& a, const Hit& b) { return a.score > b.score; }));
        wanted += true_ones[i].size();
        for (const Hit& hit : true_ones[i]) found += ids.contains(hit.id);
      }
      EXPECT_GE(static_cast<double>(found), (count <= 1000 ? 1 : 0.9) * static_cast<double>(wanted))
          << count << ' ' << k;
    }
    // Whatever it is asked together with, by whatever threads.
    const NearestCentroid again(centroids, kDim, 1);
    for (std::size_t i = 0; i < 50; ++i)
      EXPECT_EQ(again.of(std::span(vectors).subspan(i * kDim, kDim))[0], named[i]);
  }
}

}  // namespace
}  // namespace shoplens
