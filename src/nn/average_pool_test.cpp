// SPDX-License-Identifier: Apache-2.0
#include "nn/average_pool.h"

#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <vector>

namespace shoplens {
namespace {

TEST(AveragePool, CountsOnlyWhatIsThereAtAnOddEdge) {
  const auto x = torch::arange(1.0, 10.0).view({1, 1, 3, 3});
  const auto want = torch::tensor({{3.0F, 4.5F}, {7.5F, 9.0F}}).view({1, 1, 2, 2});
  EXPECT_TRUE(torch::allclose(average_pool(x.to(torch::kFloat), 2), want));
}

TEST(AveragePool, HasTorchsGradientForWholeWindowsAndOthers) {
  torch::manual_seed(1);
  for (const std::vector<std::int64_t>& shape :
       std::vector<std::vector<std::int64_t>>{{2, 3, 6, 9}, {2, 3, 7, 9}, {1, 5, 3, 3}}) {
    const auto x = torch::randn(shape, torch::kDouble)
                       .contiguous(at::MemoryFormat::ChannelsLast)
                       .requires_grad_();
    const auto y = average_pool(x, 3), want = torch::avg_pool2d(x, 3, 3, 0, true, false);
    EXPECT_TRUE(torch::equal(y, want));
    const auto dy = torch::randn_like(want);
    const auto got = torch::autograd::grad({y}, {x}, {dy})[0];
    EXPECT_TRUE(torch::allclose(got, torch::autograd::grad({want}, {x}, {dy})[0], 1e-14, 0));
    EXPECT_EQ(got.strides(), x.strides());
  }
}

TEST(GlobalAveragePool, KeepsTheRank) {
  const auto x = torch::arange(12.0).view({1, 2, 2, 3});
  EXPECT_TRUE(torch::allclose(global_average_pool(x),
                              torch::tensor({2.5, 8.5}).to(x.dtype()).view({1, 2, 1, 1})));
}

}  // namespace
}  // namespace shoplens
