// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

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

// A head that samples classes, and one of the same weights that does not.
struct SampledPair {
  explicit SampledPair(double rate, int subcenters = 1) {
    torch::manual_seed(3);
    sampled = make_head({.name = "arcface",
                         .dim = 6,
                         .classes = 50,
                         .scale = 8,
                         .margin = 0.3,
                         .subcenters = subcenters,
                         .sample_rate = rate});
    whole = make_head({.name = "arcface",
                       .dim = 6,
                       .classes = 50,
                       .scale = 8,
                       .margin = 0.3,
                       .subcenters = subcenters});
    const torch::NoGradGuard no_grad;
    whole->parameters()[0].copy_(sampled->parameters()[0]);
    x = torch::randn({4, 6});
  }
  std::shared_ptr<Head> sampled, whole;
  torch::Tensor x, labels = torch::tensor({7, 49, 7, 0});
};

TEST(PartialFc, OfAllClassesIsTheWholeLoss) {
  for (const int subcenters : {1, 3}) {
    SampledPair heads(0.99, subcenters);  // 49.5, rounded up: all of them
    const LossOptions options{.label_smoothing = 0.1, .class_weights = torch::rand({50}) + 0.5};
    heads.sampled->loss(heads.x, heads.labels, options).backward();
    heads.whole->loss(heads.x, heads.labels, options).backward();
    const torch::Tensor sparse = heads.sampled->parameters()[0].grad();
    EXPECT_TRUE(sparse.is_sparse());
    EXPECT_TRUE(
        torch::allclose(sparse.to_dense(), heads.whole->parameters()[0].grad(), 1e-4, 1e-6));
  }
}

TEST(PartialFc, SeesTheBatchsClassesAndAsManyOthersAsAsked) {
  SampledPair heads(0.2);
  std::set<std::int64_t> seen;
  for (int step = 0; step < 60; ++step) {
    heads.sampled->zero_grad();
    heads.sampled->loss(heads.x, heads.labels).backward();
    const torch::Tensor rows = heads.sampled->parameters()[0].grad().coalesce().indices()[0];
    ASSERT_EQ(rows.size(0), 10);
    std::set<std::int64_t> now(rows.const_data_ptr<std::int64_t>(),
                               rows.const_data_ptr<std::int64_t>() + rows.size(0));
    for (const std::int64_t own : {0, 7, 49}) EXPECT_TRUE(now.contains(own));
    seen.insert(now.begin(), now.end());
  }
  EXPECT_EQ(seen.size(), 50u);  // 47 others, each missed with probability (1 - 7 / 47)^60: 0.3%
}

TEST(PartialFc, TakesEveryClassOfABatchThatHasMore) {
  SampledPair heads(0.02);
  heads.sampled->loss(heads.x, heads.labels).backward();
  EXPECT_EQ(heads.sampled->parameters()[0].grad().coalesce().indices().size(1), 3);
}

TEST(PartialFc, ValidatesOnAllClasses) {
  SampledPair heads(0.2);
  heads.sampled->eval();
  EXPECT_TRUE(torch::equal(heads.sampled->loss(heads.x, heads.labels),
                           heads.whole->loss(heads.x, heads.labels)));
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
