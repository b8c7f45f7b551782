// SPDX-License-Identifier: Apache-2.0
#include "train/mixup.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shoplens {
namespace {

TEST(MixupShare, HasTheMomentsOfTheBetaDistribution) {
  constexpr int kDraws = 40000;
  for (const double alpha : {0.001, 0.2, 0.5, 1.0}) {
    double sum = 0, square = 0;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      const double share = mixup_share(alpha, Random{1, i});
      ASSERT_GE(share, 0);
      ASSERT_LE(share, 1);
      sum += share;
      square += (share - 0.5) * (share - 0.5);
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 4 * 0.5 / std::sqrt(kDraws)) << alpha;
    EXPECT_NEAR(square / kDraws, 0.25 / (2 * alpha + 1), 0.005) << alpha;
  }
}

}  // namespace
}  // namespace shoplens
