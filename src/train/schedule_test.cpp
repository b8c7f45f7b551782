// SPDX-License-Identifier: Apache-2.0
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace shoplens {
namespace {

// The rate of each step by tools/make_schedule_golden.py; PyTorch goes from rate to rate, so its
// rounding adds up.
TEST(Schedules, EqualPyTorchs) {
  std::ifstream golden(SHOPLENS_SOURCE_DIR "/tests/golden/train/schedule.txt");
  int cases = 0;
  for (std::string head, rates; std::getline(golden, head) && std::getline(golden, rates);
       ++cases) {
    std::istringstream in(head), values(rates);
    std::string kind;
    CosineSchedule cosine{};
    std::int64_t period = 0;
    in >> kind >> cosine.lr;
    if (kind == "lotte")
      in >> period;
    else
      in >> cosine.warmup_lr >> cosine.min_lr >> cosine.warmup >> cosine.total;
    ASSERT_TRUE(in) << head;
    std::int64_t step = 0;
    for (double rate; values >> rate; ++step)
      EXPECT_NEAR(kind == "lotte" ? lotte_rate(step, cosine.lr, period) : cosine(step), rate,
                  1e-14 * cosine.lr)
          << head << ", step " << step;
    EXPECT_EQ(step, kind == "lotte" ? period + 2 : cosine.total);
  }
  EXPECT_EQ(cases, 7);
}

TEST(CosineSchedule, StaysAtTheFloor) {
  const CosineSchedule rate{.lr = 1, .warmup_lr = 0, .min_lr = 0.1, .warmup = 4, .total = 12};
  EXPECT_DOUBLE_EQ(rate(12), 0.1);
  EXPECT_DOUBLE_EQ(rate(20), 0.1);
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
