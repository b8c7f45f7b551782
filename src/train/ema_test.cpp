// SPDX-License-Identifier: Apache-2.0
#include "train/ema.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace shoplens {
namespace {

TEST(Ema, FollowsTheDefinition) {
  at::Tensor w = at::full({3}, 1.0), count = at::full({}, 0, at::kLong);
  Ema ema({{"w", w}, {"count", count}}, 0.9);
  double expected = 1;
  for (int step = 1; step <= 5; ++step) {
    w.fill_(step * step);
    count.fill_(step);
    ema.update();
    expected = 0.9 * expected + 0.1 * step * step;
  }
  EXPECT_NEAR(ema.averages()[0].second[1].item<double>(), expected, 1e-5);
  EXPECT_EQ(ema.averages()[1].second.item<int>(), 5);
}

TEST(Ema, SwapExchangesTheValuesAndBack) {
  at::Tensor w = at::full({2}, 1.0);
  Ema ema({{"w", w}}, 0.5);
  w.fill_(3);
  ema.update();  // the average is 2
  ema.swap();
  EXPECT_EQ(w[0].item<float>(), 2);
  EXPECT_EQ(ema.averages()[0].second[0].item<float>(), 3);
  ema.swap();
  EXPECT_EQ(w[0].item<float>(), 3);
}

}  // namespace
}  // namespace shoplens
