// SPDX-License-Identifier: Apache-2.0
#include "index/unseen_queries.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "index/test_vectors.h"

namespace shoplens {
namespace {

constexpr int kDim = 8;

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (int j = 0; j < kDim; ++j)
    sum += double{a[static_cast<std::size_t>(j)]} * b[static_cast<std::size_t>(j)];
  return sum;
}

TEST(UnseenQueries, LieAtACosineFromAVectorTowardsADifferenceOfTwo) {
  // Three vectors in a plane: so are the queries.
  std::vector<float> vectors{1, 0, 0, 0, 0, 0, 0, 0, 0.6f, 0.8f, 0, 0,
                             0, 0, 0, 0, 0, 1, 0, 0, 0,    0,    0, 0};
  const auto queries = unseen_queries(vectors, kDim, 200);
  ASSERT_EQ(queries.size(), 200u * kDim);
  int moved = 0;
  for (std::int64_t q = 0; q < 200; ++q) {
    const auto query = row(queries, q, kDim);
    EXPECT_NEAR(dot(query, query), 1, 1e-6);
    for (std::size_t j = 2; j < kDim; ++j) EXPECT_EQ(query[j], 0);
    double near = 1, same = 0;
    for (std::int64_t v = 0; v < 3; ++v) {
      const double cosine = dot(query, row(vectors, v, kDim));
      near = std::min(near, std::abs(cosine - 0.65));
      same = std::max(same, cosine);
    }
    if (same > 1 - 1e-6) continue;  // the two were one
    EXPECT_LT(near, 1e-6);
    ++moved;
  }
  EXPECT_GT(moved, 100);
}

TEST(UnseenQueries, AreTheSameEachTimeAndNotOfALength) {
  const auto vectors = random_vectors(100, kDim, 1);
  EXPECT_EQ(unseen_queries(vectors, kDim, 20), unseen_queries(vectors, kDim, 20));
  const auto of_long_ones = unseen_queries(scaled(vectors, 1e6), kDim, 20);
  const auto of_these = unseen_queries(vectors, kDim, 20);
  for (std::size_t i = 0; i < of_these.size(); ++i) EXPECT_NEAR(of_long_ones[i], of_these[i], 1e-6);
}

TEST(UnseenQueries, OfEqualOrEmptyVectorsAreThese) {
  std::vector<float> equal;
  for (int i = 0; i < 5; ++i) equal.insert(equal.end(), {0, 0, 0, 2, 0, 0, 0, 0});
  for (std::int64_t q = 0; q < 3; ++q)
    EXPECT_EQ(unseen_queries(equal, kDim, 3)[static_cast<std::size_t>(q * kDim + 3)], 1);
  const std::vector<float> nothing(5 * kDim, 0.0f);
  EXPECT_EQ(unseen_queries(nothing, kDim, 3), std::vector<float>(3 * kDim, 0.0f));
}

}  // namespace
}  // namespace shoplens
