// SPDX-License-Identifier: Apache-2.0
#include "models/embedding_model.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "models/load_backbone.h"
#include "nn/safetensors.h"
#include "onnx/graph.h"

namespace shoplens {
namespace {

EmbeddingModelOptions small() { return {.arch = "mobilenetv2_100", .dim = 64}; }

TEST(Neck, NormalisesEachFeatureOverTheBatch) {
  torch::manual_seed(1);
  const torch::NoGradGuard no_grad;
  Neck neck(6, 4);
  neck->act->weight.fill_(1);  // the identity
  const auto x = torch::randn({32, 6}) * 3 + 1;
  const auto y = neck->forward(x);
  EXPECT_LT(y.mean(0).abs().max().item<double>(), 1e-5);
  EXPECT_TRUE(torch::allclose(y.var(0, /*unbiased=*/false), torch::ones({4}), 1e-4));
  for (int i = 0; i < 300; ++i) neck->forward(x);
  neck->eval();  // the running variance is unbiased
  EXPECT_TRUE(torch::allclose(neck->forward(x), y * std::sqrt(31.0 / 32), 1e-3, 1e-4));
}

TEST(EmbeddingModel, HasTheShapeAskedFor) {
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 3, 64, 64});
  for (const char* pool : {"gem", "avg"}) {
    for (const int dim : {0, 64}) {
      EmbeddingModel model({.arch = "mobilenetv2_100", .pool = pool, .dim = dim});
      EXPECT_EQ(model.dim(), dim > 0 ? dim : 1280);
      EXPECT_EQ(model.forward(x).sizes(), (std::vector<std::int64_t>{2, model.dim()})) << pool;
    }
  }
}

TEST(EmbeddingModel, WithoutANeckIsThePooledMap) {
  const torch::NoGradGuard no_grad;
  EmbeddingModel model({.arch = "mobilenetv2_100", .pool = "avg", .dim = 0});
  model.eval();
  const auto x = torch::randn({2, 3, 64, 64});
  EXPECT_TRUE(torch::allclose(model.forward(x), model.backbone().forward_features(x).mean({2, 3}),
                              1e-5, 1e-6));
}

TEST(EmbeddingModel, NamesTheBackbonesTensorsAsTimmAndItsOwnBehindThem) {
  const EmbeddingModel model(small());
  std::set<std::string> names;
  for (const auto& [name, tensor] : model.state()) EXPECT_TRUE(names.insert(name).second) << name;
  for (const char* own : {"global_pool.p", "neck.fc.weight", "neck.fc.bias", "neck.bn.weight",
                          "neck.bn.bias", "neck.bn.running_mean", "neck.bn.running_var",
                          "neck.bn.num_batches_tracked", "neck.act.weight"})
    EXPECT_EQ(names.erase(own), 1U) << own;
  for (const auto& [name, tensor] : state_of(*find_backbone("mobilenetv2_100").create({})))
    EXPECT_EQ(names.erase(name), 1U) << name;
  EXPECT_TRUE(names.empty()) << *names.begin();
}

TEST(EmbeddingModel, SavesAndLoadsToTheBit) {
  EmbeddingModel model(small());
  const auto x = torch::randn({4, 3, 64, 64});
  model.forward(x);  // moves the running statistics
  const auto path = std::filesystem::path(testing::TempDir()) / "embedding_model.safetensors";
  write_safetensors(path, model.state());
  EmbeddingModel copy(small());
  load_tensors(copy.state(), read_safetensors(path).tensors, path);
  std::filesystem::remove(path);
  model.eval();
  copy.eval();
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(model.forward(x), copy.forward(x)));
}

TEST(EmbeddingModel, GivesFloatEmbeddingsUnderAutocast) {
  torch::manual_seed(1);
  EmbeddingModel model(small());
  const auto x = torch::randn({4, 3, 64, 64});
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto y = model.forward(x);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(y.scalar_type(), torch::kFloat);
  y.square().mean().backward();
  for (const auto& parameter : model.parameters()) {
    ASSERT_TRUE(parameter.grad().defined());
    EXPECT_TRUE(parameter.grad().isfinite().all().item<bool>());
  }
}

TEST(EmbeddingModel, WritesEveryKindIntoAGraph) {
  const EmbeddingModelOptions kinds[] = {{.arch = "dm_nfnet_f0", .pool = "gem", .dim = 16},
                                         {.arch = "mobilenetv2_100", .pool = "avg", .dim = 16},
                                         {.arch = "mobilenetv2_100", .pool = "gem", .dim = 0}};
  for (const auto& options : kinds) {
    EmbeddingModel model(options);
    model.eval();
    Graph graph;
    const Value y = model.forward(graph.input("images", {-1, 3, 64, 64}));
    graph.output("embeddings", y, {-1, model.dim()});
    ModelInfo info;
    EXPECT_FALSE(graph.serialize(info).empty());
    EXPECT_EQ(info.fingerprint.size(), 64U);
  }
}

TEST(EmbeddingModel, RefusesUnknownParts) {
  EXPECT_THROW(EmbeddingModel({.arch = "alexnet"}), Error);
  EXPECT_THROW(EmbeddingModel({.dim = -1}), Error);
  try {
    const EmbeddingModel model({.pool = "max"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "model: want pool gem, avg or token, got max");
  }
}

}  // namespace
}  // namespace shoplens
