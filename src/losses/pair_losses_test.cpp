// SPDX-License-Identifier: Apache-2.0
#include "losses/pair_losses.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/gradient_check.h"

namespace shoplens {
namespace {

TEST(Triplet, IsTheHingeOfTheHardestPair) {
  // Angles in degrees: two of label 0 at 0 and 90, one of label 1 at 180.
  const auto x = torch::tensor({{2.0F, 0.0F}, {0.0F, 1.0F}, {-3.0F, 0.0F}});
  Triplet head(0.2);
  // Label 1's photo has no positive. 0 deg: 0.2 + sqrt 2 - 2 < 0; 90 deg: 0.2 + sqrt 2 - sqrt 2.
  EXPECT_NEAR(head.loss(x, torch::tensor({0, 0, 1}), {}).item<double>(), 0.2 / 2, 1e-6);
}

TEST(PairLosses, GiveNothingButFiniteGradientsWithoutPairs) {
  for (const char* name : {"triplet", "multi-similarity"}) {
    const auto head = make_head({.name = name, .dim = 2, .classes = 3});
    for (const auto& labels : {torch::tensor({0, 1, 2}), torch::tensor({1, 1, 1})}) {
      const auto x = torch::tensor({{1.0F, 0.0F}, {1.0F, 0.0F}, {0.0F, 0.0F}}).requires_grad_();
      const auto loss = head->loss(x, labels);
      EXPECT_TRUE(loss.isfinite().item<bool>()) << name;
      loss.backward();
      EXPECT_TRUE(x.grad().isfinite().all().item<bool>()) << name;
    }
  }
}

TEST(PairLosses, HaveNoScoresForClasses) {
  EXPECT_THROW(make_head({.name = "triplet", .dim = 2, .classes = 3})->logits(torch::zeros({1, 2})),
               Error);
}

TEST(PairLosses, GradientsEqualFiniteDifferences) {
  torch::manual_seed(3);
  for (const char* name : {"triplet", "multi-similarity"}) {
    const auto head = make_head({.name = name, .dim = 4, .classes = 3});
    auto x = torch::randn({9, 4}, torch::kDouble).requires_grad_();
    check_gradients([&] { return head->loss(x, torch::arange(9) % 3); }, {x});
  }
}

TEST(PairLosses, PullPhotosOfAProductTogether) {
  torch::manual_seed(1);
  for (const char* name : {"triplet", "multi-similarity"}) {
    const auto head = make_head({.name = name, .dim = 4, .classes = 3});
    auto x = torch::randn({12, 4}).requires_grad_();
    const auto labels = torch::arange(12) % 3;
    for (int step = 0; step < 300; ++step) {
      if (x.grad().defined()) x.mutable_grad().reset();
      head->loss(x, labels).backward();
      const torch::NoGradGuard no_grad;
      x -= 0.1 * x.grad();
    }
    const auto unit = (x / x.norm(2, 1, true)).detach();
    const auto cosine = unit.mm(unit.t()).fill_diagonal_(-2);
    EXPECT_TRUE(torch::equal(labels.index_select(0, cosine.argmax(1)), labels)) << name;
  }
}

}  // namespace
}  // namespace shoplens
