// SPDX-License-Identifier: Apache-2.0
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shoplens {
namespace {

TEST(CosineSchedule, RisesLinearlyToThePeak) {
  const CosineSchedule rate{.lr = 1, .warmup_lr = 0.2, .min_lr = 0, .warmup = 4, .total = 12};
  EXPECT_DOUBLE_EQ(rate(0), 0.4);
  EXPECT_DOUBLE_EQ(rate(1), 0.6);
  EXPECT_DOUBLE_EQ(rate(3), 1.0);
}

TEST(CosineSchedule, FallsAsACosineToTheFloor) {
  const CosineSchedule rate{.lr = 1, .warmup_lr = 0, .min_lr = 0.1, .warmup = 4, .total = 12};
  EXPECT_DOUBLE_EQ(rate(4), 1.0);
  EXPECT_DOUBLE_EQ(rate(8), 0.55);  // half way
  EXPECT_NEAR(rate(6), 0.1 + 0.9 * 0.5 * (1 + std::sqrt(0.5)), 1e-15);
  EXPECT_DOUBLE_EQ(rate(12), 0.1);
  EXPECT_DOUBLE_EQ(rate(20), 0.1);
}

TEST(CosineSchedule, NoWarmupStartsAtThePeak) {
  EXPECT_DOUBLE_EQ((CosineSchedule{.lr = 3, .warmup_lr = 0, .min_lr = 0, .warmup = 0, .total = 5})(0), 3);
}

}  // namespace
}  // namespace shoplens
