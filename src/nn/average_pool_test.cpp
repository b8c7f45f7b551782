// SPDX-License-Identifier: Apache-2.0
#include "nn/average_pool.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

TEST(AveragePool, CountsOnlyWhatIsThereAtAnOddEdge) {
  const auto x = torch::arange(1.0, 10.0).view({1, 1, 3, 3});
  const auto want = torch::tensor({{3.0F, 4.5F}, {7.5F, 9.0F}}).view({1, 1, 2, 2});
  EXPECT_TRUE(torch::allclose(average_pool(x.to(torch::kFloat), 2), want));
}

TEST(GlobalAveragePool, KeepsTheRank) {
  const auto x = torch::arange(12.0).view({1, 2, 2, 3});
  EXPECT_TRUE(torch::allclose(global_average_pool(x),
                              torch::tensor({2.5, 8.5}).to(x.dtype()).view({1, 2, 1, 1})));
}

}  // namespace
}  // namespace shoplens
