// SPDX-License-Identifier: Apache-2.0
#include "index/vector_index.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace shoplens {
namespace {

TEST(L2Normalize, DividesEachVectorByItsLength) {
  std::vector<float> vectors{3, 4, 0, -2};
  l2_normalize(vectors, 2);
  EXPECT_EQ(vectors, (std::vector<float>{0.6f, 0.8f, 0, -1}));
}

TEST(L2Normalize, LeavesAZeroVectorZero) {
  std::vector<float> vectors{0, 0, 0};
  l2_normalize(vectors, 3);
  EXPECT_EQ(vectors, (std::vector<float>{0, 0, 0}));
}

TEST(L2Normalize, NeitherOverflowsNorUnderflows) {  // the squares of both leave float's range
  std::vector<float> vectors{3e30f, 4e30f, 3e-30f, 4e-30f};
  l2_normalize(vectors, 2);
  for (const int i : {0, 2}) {
    EXPECT_NEAR(vectors[static_cast<std::size_t>(i)], 0.6f, 1e-6);
    EXPECT_NEAR(vectors[static_cast<std::size_t>(i) + 1], 0.8f, 1e-6);
  }
}

TEST(L2Normalize, RefusesHalfAVector) {
  std::vector<float> vectors(5);
  EXPECT_THROW(l2_normalize(vectors, 2), Error);
}

}  // namespace
}  // namespace shoplens
