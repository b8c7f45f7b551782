// SPDX-License-Identifier: Apache-2.0
#include "nn/gem.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/gradient_check.h"

namespace shoplens {
namespace {

torch::Tensor positive_map() {
  torch::manual_seed(1);
  return torch::rand({2, 5, 3, 4}) * 3 + 0.01;
}

TEST(GeM, IsTheMeanAtOne) {
  const auto x = positive_map();
  EXPECT_TRUE(torch::allclose(GeM(1.0)->forward(x), x.mean({2, 3}), 1e-5, 0));
}

TEST(GeM, NearsTheMaximumForALargePower) {
  const auto x = positive_map();
  EXPECT_TRUE(torch::allclose(GeM(1000.0)->forward(x), x.amax({2, 3}), 0.003, 0));
}

TEST(GeM, IsTheRootOfTheMeanPower) {
  const auto x = (positive_map() - 1).to(torch::kDouble);  // some below eps
  for (const double p : {0.5, 2.87, 3.0, 6.5}) {
    const auto expected = x.clamp_min(1e-6).pow(p).mean({2, 3}).pow(1 / p);
    EXPECT_TRUE(torch::allclose(gem(x, torch::full({1}, p, torch::kDouble)), expected, 1e-12, 0))
        << p;
    const auto in_float = gem(x.to(torch::kFloat), torch::full({1}, p)).to(torch::kDouble);
    EXPECT_TRUE(torch::allclose(in_float, expected, 1e-5, 0)) << p;
  }
}

TEST(GeM, GradientsEqualFiniteDifferences) {
  auto x = positive_map().to(torch::kDouble).requires_grad_();
  auto p = torch::full({1}, 3.0, torch::kDouble).requires_grad_();
  const auto weights = torch::rand({2, 5}, torch::kDouble);
  check_gradients([&] { return (gem(x, p) * weights).sum(); }, {x, p});
}

TEST(GeM, HasFiniteGradientsForADeadChannelAndAnyPower) {
  for (const double p : {1.0, 3.0, 8.0, 50.0}) {
    GeM layer(p);
    auto x = torch::cat({torch::zeros({1, 1, 2, 2}), torch::full({1, 1, 2, 2}, 100.0)}, 1)
                 .requires_grad_();
    const auto y = layer->forward(x);
    y.sum().backward();
    EXPECT_NEAR(y[0][1].item<float>(), 100, 1e-2) << p;
    EXPECT_TRUE(x.grad().isfinite().all().item<bool>()) << p;
    EXPECT_TRUE(layer->p.grad().isfinite().all().item<bool>()) << p;
  }
}

TEST(GeM, ComputesInFloatUnderAutocast) {
  const auto x = positive_map();
  GeM layer;
  const auto expected = layer->forward(x);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto pooled = layer->forward(x), narrow = layer->forward(x.to(torch::kBFloat16));
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_TRUE(torch::equal(pooled, expected));
  EXPECT_TRUE(torch::allclose(narrow, expected, 1e-2, 0));
  EXPECT_EQ(narrow.scalar_type(), torch::kFloat);
}

TEST(GeM, RefusesAnotherRank) {
  try {
    GeM()->forward(torch::zeros({2, 5}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "gem: want x [N, C, H, W], got [2, 5]");
  }
}

}  // namespace
}  // namespace shoplens
