// SPDX-License-Identifier: Apache-2.0
#include "nn/scaled_std_conv2d.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/gradient_check.h"

namespace shoplens {
namespace {

ScaledStdConv2d layer(const Conv2dOptions& options, double gamma = 1) {
  torch::manual_seed(1);
  ScaledStdConv2d made(options, gamma);
  const torch::NoGradGuard no_grad;
  made->weight.add_(0.3);  // a mean to take away
  made->gain.uniform_(0.5, 1.5);
  if (made->bias.defined()) made->bias.uniform_(-1, 1);
  return made;
}

TEST(ScaledStdConv2d, StandardisesEachFilter) {
  const auto conv = layer({.in = 6, .out = 8, .kernel = 3, .groups = 2}, 1.7);
  const auto w = conv->standardized_weight();
  const double n = 3 * 3 * 3;
  EXPECT_EQ(w.sizes(), conv->weight.sizes());
  EXPECT_LT(w.mean({1, 2, 3}).abs().max().item<double>(), 1e-6);
  const auto deviation = w.var({1, 2, 3}, /*unbiased=*/false).sqrt() * std::sqrt(n) / 1.7;
  EXPECT_TRUE(torch::allclose(deviation, conv->gain.flatten(), 1e-3));  // eps takes a little
}

TEST(ScaledStdConv2d, EqualsTheFormulaToRounding) {
  auto conv = layer(
      {.in = 6, .out = 8, .kernel = 3, .stride = 2, .groups = 2, .bias = true, .same = true}, 1.7);
  conv->to(torch::kDouble);
  const auto x = torch::randn({2, 6, 9, 10}, torch::kDouble);
  torch::Tensor w = torch::empty_like(conv->weight);
  for (int o = 0; o < 8; ++o) {
    const auto filter = conv->weight[o];
    const auto centred = filter - filter.mean();
    w[o] = centred / (centred.square().mean() + 1e-5).sqrt() * conv->gain[o].item<double>() * 1.7 /
           std::sqrt(27.0);
  }
  EXPECT_TRUE(
      torch::allclose(conv->forward(x), conv2d(x, w, conv->bias, conv->options), 1e-10, 1e-10));
}

TEST(ScaledStdConv2d, StandardisesInTheOrderThatItsWeightsLieIn) {
  const auto conv = layer({.in = 6, .out = 8, .kernel = 3, .groups = 2}, 1.7);
  const auto weight = conv->weight.detach().clone();
  const auto slope = torch::randn_like(weight);
  const auto gradient = [&](bool channels_last) {
    conv->weight.set_data(weight.contiguous(channels_last ? torch::MemoryFormat::ChannelsLast
                                                          : torch::MemoryFormat::Contiguous));
    conv->weight.mutable_grad().reset();
    const auto w = conv->standardized_weight();
    EXPECT_EQ(w.is_contiguous(torch::MemoryFormat::ChannelsLast), channels_last);
    w.backward(slope);
    return std::pair{w.detach(), conv->weight.grad()};
  };
  const auto rows = gradient(true), plain = gradient(false);
  EXPECT_TRUE(torch::allclose(rows.first, plain.first, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(rows.second, plain.second, 1e-4, 1e-5));
}

TEST(ScaledStdConv2d, GammaIsAFactorOfTheInput) {
  const Conv2dOptions options{.in = 6, .out = 8, .kernel = 3};
  const auto x = torch::randn({2, 6, 5, 5});
  EXPECT_TRUE(torch::allclose(layer(options, 1.7)->forward(x), layer(options)->forward(1.7 * x),
                              1e-4, 1e-5));
}

TEST(ScaledStdConv2d, KeepsTheVarianceOfItsInput) {
  torch::manual_seed(1);
  ScaledStdConv2d conv(Conv2dOptions{.in = 256, .out = 256, .kernel = 1});
  EXPECT_NEAR(conv->forward(torch::randn({4, 256, 8, 8})).var().item<double>(), 1, 0.1);
}

TEST(ScaledStdConv2d, GradientsEqualFiniteDifferences) {
  auto conv = layer({.in = 4, .out = 4, .kernel = 3, .groups = 2, .bias = true, .same = true}, 1.7);
  conv->to(torch::kDouble);
  auto x = torch::randn({1, 4, 3, 3}, torch::kDouble).requires_grad_();
  check_gradients([&] { return conv->forward(x).square().sum(); },
                  {x, conv->weight, conv->gain, conv->bias});
}

}  // namespace
}  // namespace shoplens
