// SPDX-License-Identifier: Apache-2.0
#include "losses/distillation.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace shoplens {
namespace {

TEST(DistillationLoss, IsTheMeanDistanceWhereThereIsATeacher) {
  const auto x = torch::tensor({{3.0, 4.0}, {0.0, 2.0}, {5.0, 0.0}});
  const auto target = torch::tensor({{1.0, 0.0}, {0.0, 1.0}, {0.0, 0.0}});
  EXPECT_NEAR(distillation_loss(x, target).item<double>(), (0.4 + 0) / 2, 1e-6);
  EXPECT_EQ(distillation_loss(x, torch::zeros({3, 2})).item<double>(), 0);
}

TEST(DistillationLoss, PullsTowardsTheTeacher) {
  auto x = torch::tensor({{1.0, 1.0}}).requires_grad_();
  distillation_loss(x, torch::tensor({{1.0, 0.0}})).backward();
  EXPECT_LT(x.grad()[0][0].item<double>(), 0);
  EXPECT_GT(x.grad()[0][1].item<double>(), 0);
}

TEST(DistillationLoss, RefusesAnotherLength) {
  EXPECT_THROW(distillation_loss(torch::ones({2, 3}), torch::ones({2, 4})), Error);
}

}  // namespace
}  // namespace shoplens
