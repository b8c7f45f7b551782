// SPDX-License-Identifier: Apache-2.0
#include "models/vision_transformer.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/embedding_model.h"

namespace shoplens {
namespace {

TEST(VisionTransformer, RefusesASideThatIsNoMultipleOfThePatch) {
  const auto vit = vit_small_patch14_dinov2({});
  try {
    vit->forward_features(torch::zeros({1, 3, 224 + 1, 224 + 1}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "vit: want an input side that 14 divides, got 225");
  }
}

TEST(VisionTransformer, PoolsItsClassTokenOrTheOthers) {
  torch::manual_seed(1);
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 3, 56, 56});
  for (const char* pool : {"token", "avg"}) {
    EmbeddingModel model({.arch = "vit_small_patch14_dinov2", .pool = pool, .dim = 0});
    model.eval();
    const auto tokens = model.backbone().forward_features(x);
    const auto want =
        std::string(pool) == "token" ? tokens.select(1, 0) : tokens.slice(1, 1).mean(1);
    EXPECT_TRUE(torch::allclose(model.forward(x), want, 1e-4, 1e-5)) << pool;
  }
}

TEST(VisionTransformer, OnlyItHasAClassToken) {
  EXPECT_THROW(EmbeddingModel({.arch = "mobilenetv2_100", .pool = "token"}), Error);
}

}  // namespace
}  // namespace shoplens
