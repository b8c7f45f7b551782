// SPDX-License-Identifier: Apache-2.0
#include "nn/squeeze_excite.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shoplens {
namespace {

TEST(SqueezeExcite,
     ScalesEachChannelByItsGate) {  // one squeezed channel, so the definition fits on a line
  SqueezeExcite se(
      SqueezeExciteOptions{.channels = 2, .reduced = 1, .activation = Activation::kRelu});
  const torch::NoGradGuard no_grad;
  se->reduce->weight.copy_(torch::tensor({1.0f, 0.5f}).view({1, 2, 1, 1}));
  se->expand->weight.copy_(torch::tensor({1.0f, -1.0f}).view({2, 1, 1, 1}));
  const auto x =
      torch::tensor({1.0f, 3.0f, 2.0f, 6.0f}).view({1, 2, 1, 2});  // channel means 2 and 4
  const double gate = 1 / (1 + std::exp(-4.0));                    // 2 * 1 + 4 * 0.5 = 4
  const auto y = se->forward(x).flatten();
  EXPECT_NEAR(y[1].item<double>(), 3 * gate, 1e-6);
  EXPECT_NEAR(y[3].item<double>(), 6 * (1 - gate), 1e-6);
}

TEST(SqueezeExcite, CallsItsPartsAsAsked) {
  const SqueezeExcite se(SqueezeExciteOptions{
      .channels = 8, .reduced = 2, .reduce_name = "fc1", .expand_name = "fc2"});
  EXPECT_EQ(se->named_parameters().keys(),
            (std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}));
}

}  // namespace
}  // namespace shoplens
