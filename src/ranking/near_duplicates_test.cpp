// SPDX-License-Identifier: Apache-2.0
#include "ranking/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "index/inner_product.h"
#include "ranking/test_vectors.h"

namespace shoplens {
namespace {

// By comparing every pair, again and again until nothing changes.
std::vector<std::int64_t> oracle(const std::vector<float>& vectors, int dim, double threshold) {
  const std::size_t n = vectors.size() / static_cast<std::size_t>(dim);
  std::vector<std::int64_t> group(n);
  for (std::size_t i = 0; i < n; ++i) group[i] = static_cast<std::int64_t>(i);
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (group[j] < group[i] &&
            static_cast<float>(inner_product(&vectors[i * static_cast<std::size_t>(dim)],
                                             &vectors[j * static_cast<std::size_t>(dim)], dim)) >=
                threshold) {
          group[i] = group[j];
          changed = true;
        }
  }
  std::vector<std::int64_t> numbers(n, -1), out;
  std::int64_t next = 0;
  for (const std::int64_t g : group) {
    if (numbers[static_cast<std::size_t>(g)] < 0) numbers[static_cast<std::size_t>(g)] = next++;
    out.push_back(numbers[static_cast<std::size_t>(g)]);
  }
  return out;
}

TEST(NearDuplicates, EqualsComparingEveryPair) {
  const int dim = 6;
  const auto vectors = clustered_vectors(200, dim, 8, 0.4, 1);
  for (const double threshold : {0.5, 0.8, 0.9, 0.95, 0.99, 1.0})
    EXPECT_EQ(near_duplicate_groups(vectors, dim, threshold), oracle(vectors, dim, threshold))
        << threshold;
}

TEST(NearDuplicates, AChainIsOneGroup) {
  std::vector<float> vectors;
  for (int i = 0; i < 100; ++i) {
    vectors.push_back(std::cos(0.015f * static_cast<float>(i)));
    vectors.push_back(std::sin(0.015f * static_cast<float>(i)));
  }
  EXPECT_EQ(near_duplicate_groups(vectors, 2, 0.9998), std::vector<std::int64_t>(100, 0));
}

TEST(JoinedGroups, AreThoseOfEither) {
  using Numbers = std::vector<std::int64_t>;
  EXPECT_EQ(joined_groups(Numbers{7, 3, 7, 5, 9}, Numbers{0, 1, 2, 3, 1}),
            (Numbers{0, 1, 0, 2, 1}));
  // 0 is with 1 here, 1 with 2 there, 2 with 3 here: a chain through both.
  EXPECT_EQ(joined_groups(Numbers{0, 0, 1, 1, 2}, Numbers{0, 1, 1, 2, 3}),
            (Numbers{0, 0, 0, 0, 1}));
  EXPECT_EQ(joined_groups({}, {}), Numbers{});
  EXPECT_THROW(joined_groups(Numbers{1}, Numbers{1, 2}), Error);
}

TEST(JoinedGroups, AreWhatCanBeReached) {
  Random random{4};
  const auto draw = [&] {
    std::vector<std::int64_t> numbers;
    for (int i = 0; i < 100; ++i) numbers.push_back(random.integer(0, 59));
    return numbers;
  };
  const auto a = draw(), b = draw(), joined = joined_groups(a, b);
  // As many as there are pieces when walking from row to row, and no step leaves a group.
  int pieces = 0;
  std::vector<bool> met(a.size());
  for (std::size_t start = 0; start < a.size(); ++start) {
    if (met[start]) continue;
    ++pieces;
    std::vector<std::size_t> open{start};
    for (met[start] = true; !open.empty();) {
      const std::size_t i = open.back();
      open.pop_back();
      for (std::size_t j = 0; j < a.size(); ++j)
        if (a[i] == a[j] || b[i] == b[j]) {
          EXPECT_EQ(joined[i], joined[j]) << i << ' ' << j;
          if (!met[j]) open.push_back(j);
          met[j] = true;
        }
    }
  }
  EXPECT_EQ(pieces, *std::max_element(joined.begin(), joined.end()) + 1);
}

TEST(NearDuplicates, RefusesAThresholdOutOfRange) {
  EXPECT_THROW(near_duplicate_groups(std::vector<float>{1, 0}, 2, 0), Error);
  EXPECT_THROW(near_duplicate_groups(std::vector<float>{1, 0}, 2, 1.1), Error);
}

}  // namespace
}  // namespace shoplens
