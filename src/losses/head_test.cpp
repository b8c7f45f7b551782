// SPDX-License-Identifier: Apache-2.0
#include "losses/head.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace shoplens {
namespace {

std::vector<std::string> keys(const Head& head) {
  std::vector<std::string> names;
  for (const auto& item : head.named_parameters()) names.push_back(item.key());
  return names;
}

TEST(Head, HasTheKeysOfItsKind) {
  EXPECT_EQ(keys(*make_head({.name = "arcface", .dim = 8, .classes = 3})),
            std::vector<std::string>{"weight"});
  EXPECT_EQ(keys(*make_head({.name = "softmax", .dim = 8, .classes = 3})),
            (std::vector<std::string>{"weight", "bias"}));
}

TEST(Head, RefusesAnUnknownNameAndBadSizes) {
  try {
    make_head({.name = "contrastive", .dim = 8, .classes = 3});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "head: want one of arcface, cosface, adaface, softmax, triplet, multi-similarity, "
                 "got contrastive");
  }
  EXPECT_THROW(make_head({.dim = 8, .classes = 3, .margins = {0.1, 0.2}}), Error);
  EXPECT_THROW(make_head({.dim = 8, .classes = 3, .subcenters = 0}), Error);
  EXPECT_THROW(make_head({.dim = 8, .classes = 0}), Error);
  EXPECT_THROW(make_head({.dim = 0, .classes = 3}), Error);
}

TEST(Head, LinearScoresAreItsLogits) {
  torch::manual_seed(1);
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({5, 8});
  for (const char* name : {"arcface", "cosface", "adaface", "softmax"}) {
    const auto head = make_head({.name = name, .dim = 8, .classes = 3, .scale = 7});
    const auto scores = head->linear_scores();
    ASSERT_TRUE(scores) << name;
    EXPECT_EQ(scores->of_unit_vector, std::string(name) != "softmax");
    const auto in = scores->of_unit_vector ? x / x.norm(2, 1, true) : x;
    EXPECT_TRUE(torch::allclose(head->scale() * torch::linear(in, scores->weight, scores->bias),
                                head->logits(x), 1e-4, 1e-5))
        << name;
  }
  EXPECT_FALSE(make_head({.dim = 8, .classes = 3, .subcenters = 2})->linear_scores());
  EXPECT_FALSE(make_head({.name = "triplet", .dim = 8, .classes = 3})->linear_scores());
}

TEST(Head, LossIsTheCrossEntropyOfItsLogits) {
  torch::manual_seed(1);
  const auto x = torch::randn({16, 8});
  const auto labels = torch::randint(3, {16});
  for (const char* name : {"arcface", "cosface", "softmax"}) {
    const auto head = std::dynamic_pointer_cast<ClassifierHead>(
        make_head({.name = name, .dim = 8, .classes = 3}));
    const auto log_p = head->logits(x, labels).log_softmax(1);
    const auto truth = log_p.gather(1, labels.unsqueeze(1)).squeeze(1);  // [N]
    EXPECT_TRUE(torch::allclose(head->loss(x, labels), -truth.mean())) << name;
    EXPECT_TRUE(
        torch::allclose(head->loss(x, labels, {.label_smoothing = 0.1, .class_weights = {}}),
                        -0.9 * truth.mean() - 0.1 * log_p.mean()))
        << name;
    const auto weights = torch::tensor({1.0F, 2.0F, 0.5F});
    const auto w = weights.index_select(0, labels);
    EXPECT_TRUE(torch::allclose(head->loss(x, labels, {.class_weights = weights}),
                                -(w * truth).sum() / w.sum()))
        << name;
  }
}

TEST(Head, SeparatesClassesWhenTrained) {
  torch::manual_seed(1);
  const auto labels = torch::arange(30) % 3;
  const auto x = torch::eye(3).index_select(0, labels) + 0.1 * torch::randn({30, 3});
  for (const char* name : {"arcface", "cosface", "adaface", "softmax"}) {
    const auto head = make_head({.name = name, .dim = 3, .classes = 3, .scale = 8, .margin = 0.2});
    for (int step = 0; step < 50; ++step) {
      head->zero_grad();
      head->loss(x, labels).backward();
      const torch::NoGradGuard no_grad;
      for (auto& parameter : head->parameters()) parameter -= 0.5 * parameter.grad();
    }
    EXPECT_EQ((head->logits(x).argmax(1) == labels).sum().item<int>(), 30) << name;
  }
}

}  // namespace
}  // namespace shoplens
