// SPDX-License-Identifier: Apache-2.0
#include "ranking/near_duplicates.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
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

TEST(NearDuplicates, RefusesAThresholdOutOfRange) {
  EXPECT_THROW(near_duplicate_groups(std::vector<float>{1, 0}, 2, 0), Error);
  EXPECT_THROW(near_duplicate_groups(std::vector<float>{1, 0}, 2, 1.1), Error);
}

}  // namespace
}  // namespace shoplens
