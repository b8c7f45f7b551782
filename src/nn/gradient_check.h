// SPDX-License-Identifier: Apache-2.0
// For tests of our own mathematics.
#pragma once
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace shoplens {

/// Expects the gradients of the scalar `f` by every element of `inputs` (leaves, double) to equal
/// central differences.
inline void check_gradients(const std::function<torch::Tensor()>& f,
                            const std::vector<torch::Tensor>& inputs) {
  constexpr double kStep = 1e-6;
  for (const torch::Tensor& input : inputs) {
    ASSERT_EQ(input.scalar_type(), torch::kDouble);
    if (input.grad().defined()) input.mutable_grad().reset();
  }
  f().backward();
  const torch::NoGradGuard no_grad;
  for (const torch::Tensor& input : inputs) {
    torch::Tensor flat = input.detach().view(-1);
    const torch::Tensor gradient = input.grad().reshape(-1);
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
      const double value = flat[i].item<double>();
      flat[i] = value + kStep;
      const double above = f().item<double>();
      flat[i] = value - kStep;
      const double below = f().item<double>();
      flat[i] = value;
      const double slope = (above - below) / (2 * kStep);
      EXPECT_NEAR(gradient[i].item<double>(), slope, 1e-6 * std::max(1.0, std::abs(slope)))
          << "element " << i;
    }
  }
}

}  // namespace shoplens
