// SPDX-License-Identifier: Apache-2.0
#include "nn/linear.h"

#include <gtest/gtest.h>

#include "nn/prelu.h"

namespace shoplens {
namespace {

TEST(Linear, IsAProductAndABias) {
  Linear layer(3, 2);
  const torch::NoGradGuard no_grad;
  layer->weight.copy_(torch::tensor({{1.0, 2.0, 3.0}, {0.0, -1.0, 0.0}}));
  layer->bias.copy_(torch::tensor({10.0, 0.5}));
  const auto y = layer->forward(torch::tensor({{1.0F, 1.0F, 2.0F}}));
  EXPECT_TRUE(torch::allclose(y, torch::tensor({{19.0F, -0.5F}})));
}

TEST(Linear, StartsAsPyTorchs) {
  Linear layer(400, 300);
  const double bound = 1 / 20.0;
  EXPECT_LE(layer->weight.abs().max().item<double>(), bound);
  EXPECT_NEAR(layer->weight.var().item<double>(), bound * bound / 3, 1e-5);
  EXPECT_LE(layer->bias.abs().max().item<double>(), bound);
}

TEST(PReLU, HasOneSlopeOfAQuarter) {
  PReLU layer;
  EXPECT_EQ(layer->weight.sizes(), std::vector<std::int64_t>{1});
  EXPECT_TRUE(
      torch::equal(layer->forward(torch::tensor({{-4.0F, 2.0F}})), torch::tensor({{-1.0F, 2.0F}})));
}

}  // namespace
}  // namespace shoplens
