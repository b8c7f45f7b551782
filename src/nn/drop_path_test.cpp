// SPDX-License-Identifier: Apache-2.0
#include "nn/drop_path.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace shoplens {
namespace {

TEST(DropPath, DropsWholeSamplesAndKeepsTheMean) {
  torch::manual_seed(1);
  DropPath drop(0.25);
  const auto y = drop->forward(torch::ones({4096, 2, 3}));
  const auto first = y.select(1, 0).select(1, 0);  // [N]
  EXPECT_TRUE(torch::equal(y, first.view({-1, 1, 1}).expand_as(y)));
  EXPECT_NEAR(first.eq(0).to(torch::kFloat).mean().item<double>(), 0.25, 0.03);
  EXPECT_NEAR(first.max().item<double>(), 1 / 0.75, 1e-6);
}

TEST(DropPath, IsNothingInEvalModeOrAtRateZero) {
  const auto x = torch::randn({3, 2});
  DropPath drop(0.5), none(0);
  drop->eval();
  EXPECT_TRUE(drop->forward(x).is_same(x));
  EXPECT_TRUE(none->forward(x).is_same(x));
}

TEST(DropPath, RejectsARateThatDropsEverything) { EXPECT_THROW(DropPath(1.0), Error); }

}  // namespace
}  // namespace shoplens
