// SPDX-License-Identifier: Apache-2.0
#include "eval/shift.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "index/vector_index.h"

namespace shoplens {
namespace {

constexpr int kDim = 8;

// Photos about four directions, moved by `shift` along a fifth.
std::vector<float> photos(int count, double shift, std::uint64_t seed) {
  Random random{seed};
  std::vector<float> vectors;
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < kDim; ++j)
      vectors.push_back(
          static_cast<float>((j == i % 4) + (j == 7) * shift + random.uniform(-0.3, 0.3)));
  l2_normalize(vectors, kDim);
  return vectors;
}

TEST(Shift, OfTheSameKindOfPhotosIsChance) {
  const auto gallery = photos(200, 0, 1);
  int flattered = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const ShiftEstimate s =
        estimate_shift(photos(100, 0, 10 + seed), photos(150, 0, 40 + seed), gallery, kDim);
    EXPECT_NEAR(s.nearest_a, s.nearest_b, 0.02);
    EXPECT_NEAR(s.told_apart, 0.5, 0.13);
    EXPECT_LT(s.nearest_distance, 0.25);
    flattered += s.flatters();
  }
  EXPECT_LE(flattered, 2);
}

TEST(Shift, OfOtherPhotosIsSeen) {
  const ShiftEstimate s =
      estimate_shift(photos(100, 0, 2), photos(300, 1, 3), photos(200, 0, 1), kDim);
  EXPECT_GT(s.nearest_a, s.nearest_b + 0.1);
  EXPECT_GT(s.told_apart, 0.9);
  EXPECT_GT(s.nearest_distance, 0.8);
  EXPECT_TRUE(s.flatters());
  // The other way round the validation photos are the harder ones.
  EXPECT_FALSE(
      estimate_shift(photos(100, 1, 2), photos(300, 0, 3), photos(200, 0, 1), kDim).flatters());
}

TEST(Shift, IsExactInASmallCase) {
  const std::vector<float> a{1, 0, 0.8f, 0.6f}, b{0, 1, -1, 0}, gallery{1, 0};
  const ShiftEstimate s = estimate_shift(a, b, gallery, 2);
  EXPECT_NEAR(s.nearest_a, 0.9, 1e-6);
  EXPECT_NEAR(s.nearest_b, -0.5, 1e-6);
  EXPECT_DOUBLE_EQ(s.nearest_distance, 1);
  // (1,0) and (0.8,0.6) are each other's nearest; (0,1) has (0.8,0.6), (-1,0) has (0,1).
  EXPECT_DOUBLE_EQ(s.told_apart, 0.75);
}

TEST(Shift, RefusesASideOfOne) {
  EXPECT_THROW(estimate_shift(photos(1, 0, 1), photos(5, 0, 2), photos(5, 0, 3), kDim), Error);
}

}  // namespace
}  // namespace shoplens
