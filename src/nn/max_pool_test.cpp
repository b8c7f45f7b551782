// SPDX-License-Identifier: Apache-2.0
#include "nn/max_pool.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

namespace shoplens {
namespace {

TEST(MaxPool, LooksPastNoEdge) {
  const auto x = -torch::arange(1, 26)
                      .view({1, 1, 5, 5})
                      .to(torch::kFloat);  // -1 .. -25: padding must not win
  const auto y = max_pool(x, 3, 2);
  EXPECT_TRUE(torch::equal(
      y, -torch::tensor({1, 2, 4, 6, 7, 9, 16, 17, 19}).view({1, 1, 3, 3}).to(torch::kFloat)))
      << y;
}

}  // namespace
}  // namespace shoplens
