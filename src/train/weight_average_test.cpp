// SPDX-License-Identifier: Apache-2.0
#include "train/weight_average.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace shoplens {
namespace {

TEST(WeightAverage, WithAConstantShareIsExponential) {
  at::Tensor w = at::full({3}, 1.0), count = at::full({}, 0, at::kLong);
  WeightAverage average({{"w", w}, {"count", count}});
  double expected = 1;
  for (int step = 1; step <= 5; ++step) {
    w.fill_(step * step);
    count.fill_(step);
    average.update(0.1);
    expected = 0.9 * expected + 0.1 * step * step;
  }
  EXPECT_NEAR(average.averages()[0].second[1].item<double>(), expected, 1e-5);
  EXPECT_EQ(average.averages()[1].second.item<int>(), 5);
}

TEST(WeightAverage, WithAShareOfOneOverNIsTheMean) {
  at::Tensor w = at::full({2}, 100.0);  // what it starts as does not count
  WeightAverage average({{"w", w}});
  for (int n = 1; n <= 4; ++n) {
    w.fill_(n * n);
    average.update(1.0 / n);
  }
  EXPECT_NEAR(average.averages()[0].second[1].item<double>(), (1 + 4 + 9 + 16) / 4.0, 1e-5);
}

TEST(WeightAverage, SwapExchangesTheValuesAndBack) {
  at::Tensor w = at::full({2}, 1.0);
  WeightAverage average({{"w", w}});
  w.fill_(3);
  average.update(0.5);  // the average is 2
  average.swap();
  EXPECT_EQ(w[0].item<float>(), 2);
  EXPECT_EQ(average.averages()[0].second[0].item<float>(), 3);
  average.swap();
  EXPECT_EQ(w[0].item<float>(), 3);
}

}  // namespace
}  // namespace shoplens
