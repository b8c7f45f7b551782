// SPDX-License-Identifier: Apache-2.0
#include "nn/layer_norm.h"

#include <gtest/gtest.h>

#include "nn/layer_scale.h"

namespace shoplens {
namespace {

TEST(LayerNorm, IsTheDefinition) {
  torch::manual_seed(1);
  LayerNorm norm(5, 1e-2);
  const torch::NoGradGuard no_grad;
  norm->weight.copy_(torch::randn({5}));
  norm->bias.copy_(torch::randn({5}));
  const auto x = torch::randn({2, 3, 5});
  const auto centred = x - x.mean(2, true);
  const auto want =
      centred / (centred.square().mean(2, true) + 1e-2).sqrt() * norm->weight + norm->bias;
  EXPECT_TRUE(torch::allclose(norm->forward(x), want, 1e-5, 1e-6));
}

TEST(LayerNorm, ChannelsGoToTheEndAndBack) {
  const auto x = torch::randn({2, 3, 4, 5});
  EXPECT_EQ(channels_to_end(x).sizes(), (std::vector<std::int64_t>{2, 4, 5, 3}));
  EXPECT_TRUE(torch::equal(channels_to_front(channels_to_end(x)), x));
}

TEST(LayerScale, MultipliesEachChannel) {
  LayerScale scale(3, 0.5);
  const auto x = torch::randn({2, 4, 3});
  EXPECT_TRUE(torch::allclose(scale->forward(x), x / 2));
}

}  // namespace
}  // namespace shoplens
