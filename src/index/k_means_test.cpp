// SPDX-License-Identifier: Apache-2.0
#include "index/k_means.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/random.h"

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

}  // namespace
}  // namespace shoplens
