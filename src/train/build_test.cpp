// SPDX-License-Identifier: Apache-2.0
#include "train/build.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

// The winner's weight of a product is 1 / log1p(photos), the natural logarithm; ours are over their
// mean. In NumPy: w = 1 / np.log1p([1, 5, 48]); w / w.mean().
TEST(LossOptions, WeighAProductByTheLogarithmOfItsPhotos) {
  TrainOptions options;
  options.class_weights = "log";
  const double want[] = {1.9169863125185824, 0.7415915364280058, 0.3414221510534121};
  for (const torch::ScalarType type : {torch::kFloat, torch::kDouble}) {
    Execution execution;
    execution.weights = type;
    const torch::Tensor weights = build_loss_options(options, {1, 5, 48}, execution).class_weights;
    ASSERT_TRUE(weights.defined());
    EXPECT_EQ(weights.scalar_type(), type);
    ASSERT_EQ(weights.numel(), 3);
    for (int k = 0; k < 3; ++k) EXPECT_NEAR(weights[k].item<double>(), want[k], 1e-6) << k;
  }
}

// Of as many photos each, they change nothing.
TEST(LossOptions, WeighProductsOfAsManyPhotosAlike) {
  TrainOptions options;
  options.class_weights = "log";
  const torch::Tensor weights = build_loss_options(options, {48, 48}, {}).class_weights;
  EXPECT_TRUE(torch::allclose(weights, torch::ones({2}), 0, 1e-6));
}

TEST(LossOptions, HaveNoWeightsUnlessAsked) {
  TrainOptions options;
  options.smoothing = 0.1;
  const LossOptions loss = build_loss_options(options, {1, 5, 48}, {});
  EXPECT_FALSE(loss.class_weights.defined());
  EXPECT_EQ(loss.label_smoothing, 0.1);
}

}  // namespace
}  // namespace shoplens
