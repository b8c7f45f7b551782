// SPDX-License-Identifier: Apache-2.0
// Every head against pytorch-metric-learning: tests/golden/losses/losses.txt, made by
// tools/make_loss_goldens.py.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "losses/head.h"
#include "tests/hash_fill.h"

namespace shoplens {
namespace {

TEST(Losses, EqualPytorchMetricLearning) {
  constexpr int kPhotos = 12, kDim = 6, kClasses = 5;
  const auto options = [](const char* name, double margin, double scale = 1, int subcenters = 1) {
    return HeadOptions{.name = name,
                       .dim = kDim,
                       .classes = kClasses,
                       .scale = scale,
                       .margin = margin,
                       .margins = {},
                       .subcenters = subcenters};
  };
  const std::map<std::string, HeadOptions> cases{
      {"arcface", options("arcface", 0.4, 45)},
      {"arcface-wide", options("arcface", 1.5, 8)},  // some angles pass pi
      {"subcenters", options("arcface", 0.3, 30, 3)},
      {"cosface", options("cosface", 0.35, 64)},
      {"adaface", options("adaface", 0.4, 64)},
      {"triplet", options("triplet", 0.2)},
      {"multi-similarity", options("multi-similarity", 0)}};
  std::ifstream golden(SHOPLENS_SOURCE_DIR "/tests/golden/losses/losses.txt");
  std::string name;
  double loss, x_gradient, weight_gradient;
  std::size_t checked = 0;
  while (golden >> name >> loss >> x_gradient >> weight_gradient) {
    SCOPED_TRACE(name);
    const auto head = make_head(cases.at(name));
    head->to(torch::kDouble);
    std::vector<std::pair<std::string, torch::Tensor>> weights;
    for (const auto& item : head->named_parameters())
      weights.emplace_back(item.key(), item.value());
    hash_fill(weights);
    const auto x = hash_filled("input", {kPhotos, kDim}).to(torch::kDouble).requires_grad_();
    const auto value = head->loss(x, torch::arange(kPhotos) % 4);
    value.backward();
    EXPECT_NEAR(value.item<double>(), loss, 1e-6 * loss);
    EXPECT_NEAR(x.grad().norm().item<double>(), x_gradient, 1e-6 * x_gradient);
    for (const auto& [key, weight] : weights)
      EXPECT_NEAR(weight.grad().norm().item<double>(), weight_gradient, 1e-6 * weight_gradient);
    ++checked;
  }
  EXPECT_EQ(checked, cases.size());
}

}  // namespace
}  // namespace shoplens
