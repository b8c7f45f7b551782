// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace shoplens {
namespace {

TEST(Random, IsSplitMix64) {
  // The reference generator from state 0 (java.util.SplittableRandom and its C version give these).
  Random random(std::initializer_list<std::uint64_t>{});
  EXPECT_EQ(random.next(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(random.next(), 0x06c45d188009454fu);
}

TEST(Random, SameKeysSameStream) {
  Random a({1, 2, 3}), b({1, 2, 3});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Random, EveryKeyAndItsPlaceCounts) {
  std::set<std::uint64_t> firsts;
  int streams = 0;
  for (std::uint64_t a = 0; a < 20; ++a)
    for (std::uint64_t b = 0; b < 20; ++b, ++streams) firsts.insert(Random({a, b}).next());
  for (std::uint64_t a = 0; a < 20; ++a, ++streams) firsts.insert(Random({a}).next());
  EXPECT_EQ(firsts.size(), static_cast<std::size_t>(streams));
}

TEST(Random, ValuesOfAKeyedStreamNeverChange) {  // golden: runs must repeat with a later version
  Random random({42, 7, 3});
  const std::array<std::uint64_t, 3> want{0xc8a825eb7d7f92f3, 0xe870a5c266fd864c,
                                          0x7468fc3ade0f19e3};
  for (const std::uint64_t value : want) EXPECT_EQ(random.next(), value);
}

TEST(Random, UniformStaysInItsRange) {
  Random random({1});
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double u = random.uniform();
    ASSERT_TRUE(u >= 0 && u < 1);
    sum += u;
    const double v = random.uniform(-2, 3);
    ASSERT_TRUE(v >= -2 && v < 3);
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.01);
}

TEST(Random, IntegerReachesBothEndsEvenly) {
  Random random({2});
  std::map<int, int> counts;
  for (int i = 0; i < 60000; ++i) ++counts[random.integer(-2, 3)];
  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, 10000, 500) << value;
  for (int i = 0; i < 1000; ++i) {
    const int any = random.integer(INT32_MIN, INT32_MAX);
    EXPECT_TRUE(any >= INT32_MIN && any <= INT32_MAX);
  }
  EXPECT_EQ(random.integer(5, 5), 5);
}

TEST(Random, ChanceIsItsProbability) {
  Random random({3});
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += random.chance(0.3);
  EXPECT_NEAR(hits, 3000, 150);
  EXPECT_FALSE(random.chance(0));
  EXPECT_TRUE(random.chance(1));
}

TEST(Random, ShuffleIsAPermutationAndEachIsReached) {
  std::set<std::vector<int>> seen;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::vector<int> values{0, 1, 2, 3};
    Random({seed}).shuffle(values.begin(), values.end());
    seen.insert(values);
    std::sort(values.begin(), values.end());
    EXPECT_EQ(values, (std::vector<int>{0, 1, 2, 3}));
  }
  EXPECT_EQ(seen.size(), 24u);
}

}  // namespace
}  // namespace shoplens
