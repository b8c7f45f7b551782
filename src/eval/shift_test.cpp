// SPDX-License-Identifier: Apache-2.0
#include "eval/shift.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <utility>
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

// tools/make_shift_golden.py: cosines to the one gallery photo, here as vectors with that cosine.
TEST(Shift, MeasuresTheCosinesAsSciPyDoes) {
  std::ifstream golden(SHOPLENS_SOURCE_DIR "/tests/golden/eval/shift.txt");
  std::size_t n = 0, m = 0;
  int cases = 0;
  for (double distance, by_chance; golden >> n >> m >> distance >> by_chance; ++cases) {
    std::vector<float> a, b;
    for (auto [count, side] : {std::pair(n, &a), {m, &b}})
      for (double cosine; side->size() < 2 * count && golden >> cosine;) {
        side->push_back(static_cast<float>(cosine));
        side->push_back(static_cast<float>(std::sqrt(1 - cosine * cosine)));
      }
    const ShiftEstimate s = estimate_shift(a, b, std::vector<float>{1, 0}, 2);
    EXPECT_NEAR(s.nearest_distance, distance, 1e-12) << n << ' ' << m;
    EXPECT_NEAR(s.nearest_distance_by_chance, by_chance, 1e-5) << n << ' ' << m;
  }
  EXPECT_EQ(cases, 5);
}

TEST(Shift, OfTheSameKindOfPhotosIsChance) {
  const auto gallery = photos(200, 0, 1);
  int draws = 0, further = 0, apart = 0, flattered = 0;
  for (const int other : {20, 100, 150})
    for (std::uint64_t seed = 0; seed < 200; ++seed, ++draws) {
      const ShiftEstimate s =
          estimate_shift(photos(100, 0, 1000 + seed), photos(other, 0, 2000 + seed), gallery, kDim);
      EXPECT_NEAR(s.nearest_a, s.nearest_b, 0.05);
      further += s.nearest_distance > s.nearest_distance_by_chance;
      apart += s.told_apart > s.told_apart_by_chance;
      flattered += s.flatters();
    }
  // Each half of the verdict errs about as often as it says (5% and 2.5%, with three standard
  // deviations of 600 draws); of 15,000 it was 3.9% and 2.9%, and both at once 3 times.
  EXPECT_LE(further, 46);
  EXPECT_LE(apart, 27);
  EXPECT_GT(std::min(further, apart), 0);
  EXPECT_LE(flattered, 2);
}

// Told apart well, as they are moved in directions that the gallery does not know, but as near.
TEST(Shift, OfPhotosAsNearDoesNotFlatter) {
  const int dim = 4;
  std::vector<float> a, b;
  Random random{5};
  for (auto [side, height] : {std::pair(&a, 0.5f), {&b, -0.5f}})
    for (int i = 0; i < 100; ++i)
      side->insert(side->end(), {1, static_cast<float>(random.uniform(-0.3, 0.3)),
                                 static_cast<float>(random.uniform(-0.3, 0.3)), height});
  l2_normalize(a, dim);
  l2_normalize(b, dim);
  const ShiftEstimate s = estimate_shift(a, b, std::vector<float>{1, 0, 0, 0}, dim);
  EXPECT_EQ(s.told_apart, 1);
  EXPECT_LT(s.nearest_distance, s.nearest_distance_by_chance);
  EXPECT_FALSE(s.flatters());
}

TEST(Shift, OfOtherPhotosIsSeen) {
  const ShiftEstimate s =
      estimate_shift(photos(100, 0, 2), photos(300, 1, 3), photos(200, 0, 1), kDim);
  EXPECT_GT(s.nearest_a, s.nearest_b + 0.1);
  EXPECT_GT(s.told_apart, 0.9);
  EXPECT_GT(s.nearest_distance, 0.8);
  EXPECT_TRUE(s.flatters());
  for (std::uint64_t seed = 0; seed < 50;
       ++seed)  // and a slight one, where there are photos enough
    EXPECT_TRUE(estimate_shift(photos(300, 0, 100 + seed), photos(300, 0.4, 200 + seed),
                               photos(200, 0, 1), kDim)
                    .flatters())
        << seed;
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
  EXPECT_FALSE(s.flatters());  // two a side can tell nothing
}

TEST(Shift, RefusesASideOfOne) {
  EXPECT_THROW(estimate_shift(photos(1, 0, 1), photos(5, 0, 2), photos(5, 0, 3), kDim), Error);
}

}  // namespace
}  // namespace shoplens
