// SPDX-License-Identifier: Apache-2.0
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

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
  EXPECT_DOUBLE_EQ(
      (CosineSchedule{.lr = 3, .warmup_lr = 0, .min_lr = 0, .warmup = 0, .total = 5})(0), 3);
}

// model/log_fold_tf_efficientnet_b1_ns_0.txt of the published solution; it counts epochs from 1.
TEST(LotteRate, EqualsThePublishedLog) {
  const std::map<int, double> logged{{2, 0.0020000},  {3, 0.0020000},  {4, 0.0019766},
                                     {5, 0.0019477},  {10, 0.0016474}, {16, 0.0010541},
                                     {20, 0.0006299}, {25, 0.0002039}, {29, 0.0000234}};
  for (const auto& [epoch, rate] : logged)
    EXPECT_NEAR(lotte_rate(epoch - 1, 0.002, 29), rate, 5e-8) << epoch;
  EXPECT_EQ(lotte_rate(0, 0.002, 29), 0);
}

}  // namespace
}  // namespace shoplens
