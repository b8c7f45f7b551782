// SPDX-License-Identifier: Apache-2.0
#include "train/optimizer.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sparse_coo_tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

namespace shoplens {
namespace {

// One scalar parameter followed in double by the textbook rules of PyTorch's documentation.
struct Oracle {
  double w, momentum = 0, average = 0, square = 0;
  int step = 0;

  void sgd(double g, double lr, double mu, double decay) {
    g += decay * w;
    momentum = step++ == 0 ? g : mu * momentum + g;
    w -= lr * (g + mu * momentum);
  }
  void adamw(double g, double lr, double decay) {
    ++step;
    w -= lr * decay * w;
    average = 0.9 * average + 0.1 * g;
    square = 0.999 * square + 0.001 * g * g;
    w -= lr * (average / (1 - std::pow(0.9, step))) /
         (std::sqrt(square / (1 - std::pow(0.999, step))) + 1e-8);
  }
};

struct Followed {
  at::Tensor parameter = at::randn({4, 3}).requires_grad_(true);
  std::vector<Oracle> oracles;
  Followed() {
    for (int i = 0; i < 12; ++i)
      oracles.push_back({.w = parameter.detach().flatten()[i].item<double>()});
  }
  std::vector<ParameterGroup> group(double lr_scale, double decay) {
    return {{{{"w", parameter}}, lr_scale, decay}};
  }
  at::Tensor new_gradient() { return parameter.mutable_grad() = at::randn({4, 3}); }
  void expect_equal() {
    for (int i = 0; i < 12; ++i)
      EXPECT_NEAR(parameter.detach().flatten()[i].item<double>(), oracles[i].w, 1e-5) << i;
  }
};

TEST(Sgd, MatchesTheDefinition) {
  torch::manual_seed(1);
  Followed f;
  const auto optimizer = make_sgd(f.group(10, 0.05), 0.9);
  for (int step = 0; step < 6; ++step) {
    const at::Tensor g = f.new_gradient().flatten();
    for (int i = 0; i < 12; ++i) f.oracles[i].sgd(g[i].item<double>(), 0.01 * 10, 0.9, 0.05);
    optimizer->step(0.01);
  }
  f.expect_equal();
}

TEST(AdamW, MatchesTheDefinition) {
  torch::manual_seed(2);
  Followed f;
  const auto optimizer = make_adamw(f.group(3, 0.1));
  for (int step = 0; step < 6; ++step) {
    const at::Tensor g = f.new_gradient().flatten();
    for (int i = 0; i < 12; ++i) f.oracles[i].adamw(g[i].item<double>(), 0.01 * 3, 0.1);
    optimizer->step(0.01);
  }
  f.expect_equal();
}

// The state copied into a fresh optimiser goes on to the bit.
void expect_resumes(std::unique_ptr<Optimizer> (*make)(std::vector<ParameterGroup>)) {
  Followed f;
  auto first = make(f.group(1, 0.1));
  f.new_gradient();
  first->step(0.1);
  const at::Tensor kept = f.parameter.detach().clone();
  auto second = make(f.group(1, 0.1));
  const NamedTensors from = first->state(), to = second->state();
  ASSERT_EQ(from.size(), to.size());
  for (std::size_t i = 0; i < to.size(); ++i) at::Tensor(to[i].second).copy_(from[i].second);
  f.new_gradient();
  first->step(0.1);
  const at::Tensor expected = f.parameter.detach().clone();
  f.parameter.set_data(kept);
  second->step(0.1);
  EXPECT_TRUE(f.parameter.detach().equal(expected));
}

TEST(Sgd, StateResumesToTheBit) {
  expect_resumes(
      [](std::vector<ParameterGroup> groups) { return make_sgd(std::move(groups), 0.9); });
}
TEST(AdamW, StateResumesToTheBit) { expect_resumes(make_adamw); }

// Rows 1 and 3 of four get gradients, row 3 twice over: as a dense step on these two rows alone.
void expect_steps_on_rows(std::unique_ptr<Optimizer> (*make)(std::vector<ParameterGroup>)) {
  torch::manual_seed(5);
  const at::Tensor start = at::randn({4, 3});
  at::Tensor whole = start.clone().requires_grad_(true);
  at::Tensor part = at::stack({start[1], start[3]}).requires_grad_(true);
  const auto sparse = make({{{{"w", whole}}, 2, 0.1}}), dense = make({{{{"w", part}}, 2, 0.1}});
  for (int step = 0; step < 4; ++step) {
    const at::Tensor g = at::randn({3, 3});
    whole.mutable_grad() =
        at::sparse_coo_tensor(at::tensor({3, 1, 3}, at::kLong).unsqueeze(0), g, {4, 3});
    part.mutable_grad() = at::stack({g[1], g[0] + g[2]});
    EXPECT_NEAR(sparse->clip_grad_norm(0.5), dense->clip_grad_norm(0.5), 1e-5);
    sparse->step(0.01);
    dense->step(0.01);
  }
  EXPECT_TRUE(whole[0].equal(start[0]));
  EXPECT_TRUE(whole[2].equal(start[2]));
  EXPECT_TRUE(at::allclose(at::stack({whole[1], whole[3]}), part));
}

TEST(Sgd, StepsOnTheRowsOfASparseGradient) {
  expect_steps_on_rows(
      [](std::vector<ParameterGroup> groups) { return make_sgd(std::move(groups), 0.9); });
}
TEST(AdamW, StepsOnTheRowsOfASparseGradient) { expect_steps_on_rows(make_adamw); }

TEST(ClipGradNorm, ScalesAllGradientsTogether) {
  at::Tensor a = at::randn({2}).requires_grad_(true), b = at::randn({1}).requires_grad_(true);
  const auto optimizer = make_sgd({{{{"a", a}}, 1, 0}, {{{"b", b}}, 1, 0}}, 0);
  a.mutable_grad() = at::zeros_like(a.detach()).fill_(3 / std::sqrt(2.0));
  b.mutable_grad() = at::zeros_like(b.detach()).fill_(4);
  EXPECT_NEAR(optimizer->clip_grad_norm(10), 5, 1e-5);  // under the limit: as it was
  EXPECT_NEAR(b.grad().item<float>(), 4, 1e-6);
  EXPECT_NEAR(optimizer->clip_grad_norm(1), 5, 1e-5);
  EXPECT_NEAR(b.grad().item<float>(), 0.8, 1e-5);
  EXPECT_NEAR(a.grad()[0].item<float>(), 0.6 / std::sqrt(2.0), 1e-5);
}

TEST(AdaptiveClipGrad, BoundsEachUnitByItsWeights) {
  const auto leaf = [](const at::Tensor& values, const at::Tensor& gradient) {
    at::Tensor parameter = values.detach().requires_grad_(true);
    parameter.mutable_grad() = gradient;
    return parameter;
  };
  // Rows of norm 5, 0 (counts as 1e-3) and 5; the last gradient is small enough.
  const auto matrix = leaf(at::tensor({3.0, 4.0, 0.0, 0.0, 3.0, 4.0}).view({3, 2}),
                           at::tensor({6.0, 8.0, 0.6, 0.8, 0.003, 0.004}).view({3, 2}));
  const auto vector = leaf(at::tensor({0.6, 0.8}), at::tensor({3.0, 4.0}));
  const auto head = leaf(at::tensor({1.0}), at::tensor({9.0}));
  const auto optimizer =
      make_sgd({{{{"m", matrix}, {"v", vector}}, 1, 0}, {{{"h", head}}, 1, 0, false}}, 0.9);
  optimizer->adaptive_clip_grad(0.01);
  EXPECT_TRUE(
      at::allclose(matrix.grad(), at::tensor({0.03, 0.04, 6e-6, 8e-6, 0.003, 0.004}).view({3, 2})));
  EXPECT_TRUE(at::allclose(vector.grad(), at::tensor({0.006, 0.008})));
  EXPECT_EQ(head.grad().item<double>(), 9);
}

}  // namespace
}  // namespace shoplens
