// SPDX-License-Identifier: Apache-2.0
#include "models/nfnet.h"

#include <gtest/gtest.h>

#include "nn/drop_path.h"
#include "nn/scaled_std_conv2d.h"

namespace shoplens {
namespace {

TEST(NFNet, HasTimmsParametersStagesAndDropPaths) {
  const auto backbone = dm_nfnet_f0({.drop_path_rate = 0.22});
  std::int64_t parameters = 0;
  for (const auto& parameter : backbone->parameters()) parameters += parameter.numel();
  EXPECT_EQ(parameters, 68416284);  // 71489284 with timm's classifier

  const auto modules = backbone->named_modules();
  std::int64_t side = 64;  // behind the stem, at 256
  std::vector<std::int64_t> sides;
  for (int stage = 0; stage < 4; ++stage) {
    const auto conv = modules["stages." + std::to_string(stage) + ".0.conv2"];
    sides.push_back(side /= conv->as<ScaledStdConv2dImpl>()->options.stride);
  }
  EXPECT_EQ(sides, (std::vector<std::int64_t>{64, 32, 16, 8}));

  const auto rate = [&](const char* block) {
    return modules["stages." + std::string(block) + ".drop_path"]->as<DropPathImpl>()->rate;
  };
  EXPECT_DOUBLE_EQ(rate("0.0"), 0);
  EXPECT_DOUBLE_EQ(rate("1.1"), 0.04);  // the third of 12
  EXPECT_DOUBLE_EQ(rate("3.2"), 0.22);
}

TEST(NFNet, DropsTheBranchesOfSamplesInTrainingOnly) {
  torch::manual_seed(1);
  const auto backbone = dm_nfnet_f0({.drop_path_rate = 0.5});
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({1, 3, 32, 32}).expand({8, 3, 32, 32});
  const auto differ = [&] {
    const auto y = backbone->forward_features(x);
    return !torch::allclose(y, y.slice(0, 0, 1).expand_as(y), 1e-3, 1e-3);
  };
  EXPECT_FALSE(differ());  // skipinit_gain is 0: a new network's branches are silent
  for (const auto& item : backbone->named_parameters())
    if (item.key().ends_with("skipinit_gain")) item.value().fill_(1);
  EXPECT_TRUE(differ());  // the same picture eight times, another draw for each
  backbone->eval();
  EXPECT_FALSE(differ());
}

}  // namespace
}  // namespace shoplens
