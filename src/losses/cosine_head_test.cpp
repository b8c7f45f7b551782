// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/error.h"
#include "losses/adaface.h"
#include "losses/arcface.h"
#include "losses/cosface.h"
#include "nn/gradient_check.h"

namespace shoplens {
namespace {

const std::vector<double> kMargins{0.1, 0.2, 0.3, 0.4};

TEST(CosFace, LowersTheTrueClassByItsMargin) {
  torch::manual_seed(1);
  CosFace head({5, 4, 30}, kMargins);
  const auto x = torch::randn({4, 5});
  const auto difference = head.logits(x) - head.logits(x, torch::arange(4));
  EXPECT_TRUE(torch::allclose(difference, torch::diag(30 * torch::tensor({0.1F, 0.2F, 0.3F, 0.4F})),
                              1e-4, 1e-4));
}

TEST(CosFace, RefusesAMarginNotBelowOne) { EXPECT_THROW(CosFace({5, 2, 30}, {0.1, 1.0}), Error); }

TEST(ArcFace, HasAMarginForEachClass) {
  torch::manual_seed(1);
  const auto x = torch::randn({1, 5});
  for (int k = 0; k < 4; ++k) {
    torch::manual_seed(2);
    ArcFace one({5, 4, 30}, std::vector<double>(4, kMargins[k]));
    torch::manual_seed(2);
    ArcFace each({5, 4, 30}, kMargins);
    EXPECT_TRUE(torch::equal(one.logits(x, torch::tensor({k})), each.logits(x, torch::tensor({k}))))
        << k;
  }
}

TEST(CosineHead, TheNearestSubcenterCounts) {
  CosFace head({2, 2, 1, 2}, {0, 0});
  {
    const torch::NoGradGuard no_grad;
    head.parameters()[0].copy_(
        torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}, {-1.0F, 0.0F}, {0.6F, -0.8F}}));
  }
  const auto logits = head.logits(torch::tensor({{0.0F, 3.0F}, {0.0F, -1.0F}}));
  EXPECT_TRUE(torch::allclose(logits, torch::tensor({{1.0F, 0.0F}, {0.0F, 0.8F}}), 0, 1e-6));
}

TEST(CosineHead, GradientsEqualFiniteDifferences) {
  torch::manual_seed(1);
  for (const char* name : {"cosface", "arcface"}) {
    const auto head = make_head(
        {.name = name, .dim = 5, .classes = 4, .scale = 8, .margins = kMargins, .subcenters = 2});
    head->to(torch::kDouble);
    auto x = torch::randn({6, 5}, torch::kDouble).requires_grad_();
    const auto labels = torch::tensor({0, 1, 2, 3, 0, 1});
    check_gradients([&] { return head->loss(x, labels); }, {x, head->parameters()[0]});
  }
}

TEST(AdaFace, TurnsFromAnAngleToACosineMarginAsQualityRises) {
  AdaFace head({2, 2, 1}, 0.4);
  head.eval();  // the running figures stay: mean 20, std 100
  {
    const torch::NoGradGuard no_grad;
    head.parameters()[0].copy_(torch::eye(2));
  }
  const auto logit = [&](double norm) {  // at an angle of 1 to its class
    const auto x = norm * torch::tensor({{std::cos(1.0), std::sin(1.0)}});
    return head.logits(x, torch::tensor({0}))[0][0].item<double>();
  };
  EXPECT_NEAR(logit(20), std::cos(1.0) - 0.4, 1e-5);  // average quality: CosFace
  const double z = 0.333 * (100 - 20) / 100;
  EXPECT_NEAR(logit(100), std::cos(1 - 0.4 * z) - 0.4 * (1 + z), 1e-4);
  EXPECT_NEAR(logit(500), logit(100), 1e-6);  // lengths are clipped to 100
}

TEST(AdaFace, FollowsTheLengthsItSees) {
  AdaFace head({3, 2, 1}, 0.4);
  const auto x = torch::tensor({{3.0F, 0.0F, 0.0F}, {0.0F, 5.0F, 0.0F}});
  head.logits(x, torch::tensor({0, 1}));
  EXPECT_NEAR(head.named_buffers()["norm_mean"].item<double>(), 0.99 * 20 + 0.01 * 4, 1e-5);
  EXPECT_NEAR(head.named_buffers()["norm_std"].item<double>(), 0.99 * 100 + 0.01 * std::sqrt(2.0),
              1e-4);
}

TEST(Margins, ByCountRunFromCommonToRare) {
  const auto margins = margins_by_count({16, 1, 81}, 0.1, 0.5);
  EXPECT_NEAR(margins[2], 0.1, 1e-12);
  EXPECT_NEAR(margins[1], 0.5, 1e-12);
  EXPECT_NEAR(margins[0], 0.1 + 0.4 * (1.0 / 2 - 1.0 / 3) / (1 - 1.0 / 3),
              1e-12);  // n^(-1/4): 1/2, 1, 1/3
  EXPECT_EQ(margins_by_count({7, 7}, 0.1, 0.5), (std::vector<double>{0.1, 0.1}));
  EXPECT_THROW(margins_by_count({1, 0}, 0.1, 0.5), Error);
}

}  // namespace
}  // namespace shoplens
