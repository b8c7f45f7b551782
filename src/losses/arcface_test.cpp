// SPDX-License-Identifier: Apache-2.0
#include "losses/arcface.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>

#include <cmath>

#include "core/error.h"
#include "nn/gradient_check.h"

namespace shoplens {
namespace {

constexpr double kScale = 30, kMargin = 0.5;

/// Two classes at right angles, in double; class 0 is the direction (1, 0).
ArcFace two_classes(double margin = kMargin) {
  ArcFace head({2, 2, kScale}, {margin, margin});
  head.to(torch::kDouble);
  const torch::NoGradGuard no_grad;
  head.parameters()[0].copy_(torch::tensor({{3.0, 0.0}, {0.0, 0.5}}, torch::kDouble));
  return head;
}

/// The definition, through the angle itself.
double oracle(double theta, double margin) {
  return kScale * (theta + margin < M_PI ? std::cos(theta + margin)
                                         : std::cos(theta) - margin * std::sin(margin));
}

TEST(ArcFace, MatchesTheDefinitionAtEveryAngle) {
  ArcFace head = two_classes();
  for (int i = 1; i < 1000; ++i) {
    const double theta = M_PI * i / 1000;
    if (std::abs(theta + kMargin - M_PI) < 1e-9) continue;
    const auto x = 7 * torch::tensor({{std::cos(theta), std::sin(theta)}}, torch::kDouble);
    const auto logits = head.logits(x, torch::tensor({0}));
    EXPECT_NEAR(logits[0][0].item<double>(), oracle(theta, kMargin), 1e-9) << theta;
    EXPECT_NEAR(logits[0][1].item<double>(), kScale * std::sin(theta), 1e-9)
        << theta;  // not the true class
  }
}

TEST(ArcFace, FallsAllTheWayAsTheAngleGrows) {
  ArcFace head = two_classes();
  double last = INFINITY;
  for (int i = 0; i <= 100; ++i) {
    const double theta = M_PI * i / 100;
    const auto x = torch::tensor({{std::cos(theta), std::sin(theta)}}, torch::kDouble);
    const double logit = head.logits(x, torch::tensor({0}))[0][0].item<double>();
    EXPECT_LT(logit, last) << theta;
    last = logit;
  }
}

TEST(ArcFace, HasFiniteGradientsOnAndAgainstTheClassAndAtZero) {
  ArcFace head({2, 2, 45}, {0.4, 0.4});
  {
    const torch::NoGradGuard no_grad;
    head.parameters()[0].copy_(torch::tensor({{3.0F, 0.1F}, {0.0F, 0.5F}}));
  }
  const auto w = head.parameters()[0].detach()[0];
  const auto x = torch::stack({w, -w, torch::zeros({2}), 1e-20 * w}).requires_grad_();
  head.loss(x, torch::tensor({0, 0, 0, 0})).backward();
  EXPECT_TRUE(x.grad().isfinite().all().item<bool>()) << x.grad();
  EXPECT_TRUE(head.parameters()[0].grad().isfinite().all().item<bool>());
}

TEST(ArcFace, ZeroMarginIsScaledCosine) {
  ArcFace head = two_classes(0);
  const auto x = torch::randn({16, 2}, torch::kDouble);
  const auto labels = torch::randint(2, {16});
  EXPECT_TRUE(torch::allclose(head.logits(x, labels), head.logits(x), 0, 1e-9));
  const auto cosine = x.select(1, 0) / x.norm(2, 1);
  EXPECT_TRUE(torch::allclose(head.logits(x).select(1, 0), kScale * cosine));
}

TEST(ArcFace, GradientsEqualFiniteDifferences) {
  torch::manual_seed(1);
  ArcFace head({5, 4, 8}, std::vector<double>(4, 0.4));
  head.to(torch::kDouble);
  auto x = torch::randn({6, 5}, torch::kDouble).requires_grad_();
  const auto labels = torch::tensor({0, 1, 2, 3, 0, 1});
  const LossOptions options{.label_smoothing = 0.1,
                            .class_weights = torch::tensor({1.0, 2.0, 0.5, 1.0}, torch::kDouble)};
  check_gradients([&] { return head.loss(x, labels, options); }, {x, head.parameters()[0]});
}

TEST(ArcFace, ComputesInFloatUnderAutocast) {
  torch::manual_seed(2);
  ArcFace head({64, 10, 45}, std::vector<double>(10, 0.4));
  const auto x = torch::randn({8, 64});
  const auto labels = torch::randint(10, {8});
  const auto expected = head.logits(x, labels);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto logits = head.logits(x, labels), narrow = head.logits(x.to(torch::kBFloat16), labels);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_TRUE(torch::equal(logits, expected));
  EXPECT_EQ(narrow.scalar_type(), torch::kFloat);
}

TEST(ArcFace, RefusesWrongShapesAndNumbers) {
  EXPECT_THROW(ArcFace({4, 1, 0}, {0.4}), Error);
  EXPECT_THROW(ArcFace({4, 1, 45}, {1.6}), Error);
  EXPECT_THROW(ArcFace({4, 1, 45}, {NAN}), Error);
  EXPECT_THROW(ArcFace({4, 2, 45}, {0.4}), Error);
  ArcFace head({4, 3, 45}, {0.4, 0.4, 0.4});
  try {
    head.logits(torch::zeros({2, 5}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "head: want x [N, 4], got [2, 5]");
  }
}

}  // namespace
}  // namespace shoplens
