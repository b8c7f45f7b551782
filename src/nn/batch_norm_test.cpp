// SPDX-License-Identifier: Apache-2.0
#include "nn/batch_norm.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

TEST(BatchNorm, NormalisesByTheBatchAndRemembersIt) {
  torch::manual_seed(1);
  BatchNorm norm(3, 1e-3, 0.1);
  const auto x = torch::randn({4, 3, 5, 5}) * 2 + 1;
  const auto y = norm->forward(x);
  const auto mean = x.mean({0, 2, 3}), var = x.var({0, 2, 3}, /*unbiased=*/false);
  const auto want = (x - mean.view({1, 3, 1, 1})) / (var.view({1, 3, 1, 1}) + 1e-3).sqrt();
  EXPECT_TRUE(torch::allclose(y, want, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(norm->running_mean, 0.1 * mean));
  EXPECT_TRUE(torch::allclose(norm->running_var, 0.9 + 0.1 * x.var({0, 2, 3}, /*unbiased=*/true)));
  EXPECT_EQ(norm->num_batches_tracked.item<std::int64_t>(), 1);
}

TEST(BatchNorm, InEvalModeIsAFixedScaleAndShift) {
  BatchNorm norm(2, 0.0);
  norm->eval();
  norm->running_mean.fill_(1);
  norm->running_var.fill_(4);
  EXPECT_TRUE(torch::equal(norm->forward(torch::full({1, 2}, 5.0f)), torch::full({1, 2}, 2.0f)));
  EXPECT_EQ(norm->num_batches_tracked.item<std::int64_t>(), 0);
}

}  // namespace
}  // namespace shoplens
