// SPDX-License-Identifier: Apache-2.0
#include "nn/conv2d.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shoplens {
namespace {

struct Case {
  int side, kernel, stride;
  bool same;
};

// The definition: y[i] = sum over k of w[k] * x[i * stride + k - before], x = 0 outside.
torch::Tensor oracle(const torch::Tensor& x, const torch::Tensor& weight, const Case& c) {
  const int out = (c.side + c.stride - 1) / c.stride;
  const int total = std::max((out - 1) * c.stride + c.kernel - c.side, 0);
  const int before = c.same ? total / 2 : (c.kernel - 1) / 2;
  torch::Tensor y = torch::zeros({out, out}, torch::kDouble);
  for (int i = 0; i < out; ++i)
    for (int j = 0; j < out; ++j)
      for (int k = 0; k < c.kernel; ++k)
        for (int l = 0; l < c.kernel; ++l) {
          const int row = i * c.stride + k - before, column = j * c.stride + l - before;
          if (row >= 0 && row < c.side && column >= 0 && column < c.side)
            y[i][j] += x[row][column] * weight[k][l];
        }
  return y;
}

TEST(Conv2d, PadsAsTorchAndAsTensorFlow) {
  torch::manual_seed(1);
  for (const Case& c :
       {Case{8, 3, 2, true}, Case{9, 3, 2, true}, Case{8, 5, 2, true}, Case{7, 5, 1, true},
        Case{5, 1, 2, true}, Case{8, 3, 2, false}, Case{9, 5, 2, false}, Case{7, 3, 1, false}}) {
    Conv2d conv(
        Conv2dOptions{.in = 1, .out = 1, .kernel = c.kernel, .stride = c.stride, .same = c.same});
    conv->to(torch::kDouble);
    const auto x = torch::randn({1, 1, c.side, c.side}, torch::kDouble);
    const auto y = conv->forward(x);
    EXPECT_TRUE(torch::allclose(y[0][0], oracle(x[0][0], conv->weight[0][0], c)))
        << c.side << ' ' << c.kernel << ' ' << c.stride << ' ' << c.same;
  }
}

TEST(Conv2d, OnePositionIsAMatrixProduct) {
  torch::manual_seed(1);
  for (const int stride : {1, 2})
    for (const bool same : {false, true}) {
      Conv2d conv(Conv2dOptions{
          .in = 6, .out = 4, .kernel = 1, .stride = stride, .bias = true, .same = same});
      conv->to(torch::kDouble);
      conv->bias.detach().uniform_(-1, 1);
      const auto x = torch::randn({3, 6, 1, 1}, torch::kDouble).requires_grad_();
      const auto leaf = x.detach().clone().requires_grad_();
      const auto y = conv->forward(x);
      const auto want = torch::conv2d(leaf, conv->weight, conv->bias, stride);
      EXPECT_EQ(y.sizes(), want.sizes());
      EXPECT_TRUE(torch::allclose(y, want, 1e-12, 1e-12));
      y.square().sum().backward();
      const auto weight_gradient = conv->weight.grad().clone();
      conv->weight.mutable_grad().reset();
      want.square().sum().backward();
      EXPECT_TRUE(torch::allclose(x.grad(), leaf.grad(), 1e-12, 1e-12));
      EXPECT_TRUE(torch::allclose(weight_gradient, conv->weight.grad(), 1e-12, 1e-12));
    }
}

TEST(Conv2d, StartsWithTheVarianceOfAGroupsFanOut) {
  torch::manual_seed(1);
  const Conv2d conv(
      Conv2dOptions{.in = 4096, .out = 4096, .kernel = 3, .groups = 4096, .bias = true});
  EXPECT_NEAR(conv->weight.std().item<double>(), std::sqrt(2.0 / 9), 0.01);
  EXPECT_EQ(conv->bias.abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace shoplens
