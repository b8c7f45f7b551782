// SPDX-License-Identifier: Apache-2.0
#include "nn/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace shoplens {
namespace {

TEST(Activate, IsTheDefinitionAtEveryPoint) {
  const std::pair<Activation, std::function<double(double)>> cases[] = {
      {Activation::kRelu, [](double x) { return std::max(x, 0.0); }},
      {Activation::kRelu6, [](double x) { return std::min(std::max(x, 0.0), 6.0); }},
      {Activation::kSilu, [](double x) { return x / (1 + std::exp(-x)); }},
      {Activation::kGelu, [](double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; }},
      {Activation::kHardSwish,
       [](double x) { return x * std::min(std::max(x + 3, 0.0), 6.0) / 6; }},
  };
  const auto x = torch::linspace(-9, 9, 181, torch::kDouble);
  for (const auto& [activation, oracle] : cases) {
    const auto y = activate(activation, x.clone());
    for (std::int64_t i = 0; i < x.numel(); ++i)
      EXPECT_NEAR(y[i].item<double>(), oracle(x[i].item<double>()), 1e-12)
          << "x = " << x[i].item<double>();
  }
}

TEST(Activate,
     HasTheGradientOfItsSlope) {  // central difference; 0.01 keeps clear of the kinks at 0 and 6
  for (const auto activation : {Activation::kRelu, Activation::kRelu6, Activation::kSilu,
                                Activation::kGelu, Activation::kHardSwish}) {
    const auto x = (torch::linspace(-9, 9, 181, torch::kDouble) + 0.01).requires_grad_();
    activate(activation, x * 1).sum().backward();
    const torch::NoGradGuard no_grad;
    const auto slope = (activate(activation, x + 1e-6) - activate(activation, x - 1e-6)) / 2e-6;
    EXPECT_TRUE(torch::allclose(x.grad(), slope, 1e-6, 1e-7));
  }
}

}  // namespace
}  // namespace shoplens
