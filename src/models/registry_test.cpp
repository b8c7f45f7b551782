// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <filesystem>

#include "core/error.h"
#include "models/backbone.h"
#include "models/efficientnet.h"
#include "models/load_backbone.h"
#include "models/round_channels.h"
#include "nn/conv2d.h"
#include "nn/drop_path.h"
#include "nn/safetensors.h"

namespace shoplens {
namespace {

class Registry : public testing::TestWithParam<const BackboneEntry*> {};

// Of forward_features for two pictures of that side.
std::vector<std::int64_t> features_shape(const BackboneEntry& entry, std::int64_t side) {
  if (entry.patch > 0)
    return {2, 1 + side / entry.patch * (side / entry.patch), entry.num_features};
  const std::int64_t map = entry.name == "convnext_tiny" ? side / 32 : (side + 31) / 32;
  return {2, entry.num_features, map, map};
}

TEST_P(Registry, TrainsSavesAndLoads) {
  const BackboneEntry& entry = *GetParam();
  const std::int64_t side = entry.patch > 0 ? 70 : 64, other_side = entry.patch > 0 ? 98 : 65;
  torch::manual_seed(1);
  torch::set_num_threads(1);  // ctest runs several tests side by side
  const auto backbone = entry.create({.drop_path_rate = 0.2});

  // A step in train mode reaches every parameter.
  const auto features = backbone->forward_features(torch::randn({2, 3, side, side}));
  EXPECT_EQ(features.sizes(), features_shape(entry, side));
  features.square().mean().backward();
  for (const auto& item : backbone->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
  }

  // Eval mode: another size, twice the same, in either memory format.
  const torch::NoGradGuard no_grad;
  backbone->eval();
  const auto x = torch::randn({2, 3, other_side, other_side});
  const auto y = backbone->forward_features(x);
  EXPECT_EQ(y.sizes(), features_shape(entry, other_side));
  EXPECT_TRUE(torch::equal(backbone->forward_features(x), y));
  const auto last = backbone->forward_features(x.contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::allclose(last, y, 1e-3, 1e-3 * y.abs().max().item<double>()));

  // Another instance with the saved tensors is the same network to the bit.
  const auto path = std::filesystem::path(testing::TempDir()) / (entry.name + ".safetensors");
  write_safetensors(path, state_of(*backbone));
  const auto copy = entry.create({});
  load_backbone(*copy, entry, path);
  std::filesystem::remove(path);
  copy->eval();
  EXPECT_TRUE(torch::equal(copy->forward_features(x), y));
}

std::vector<const BackboneEntry*> entries() {
  std::vector<const BackboneEntry*> all;
  for (const auto& entry : backbones()) all.push_back(&entry);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Backbones, Registry, testing::ValuesIn(entries()),
                         [](const auto& test) { return test.param->name; });

TEST(LoadBackbone, TakesThePartBehindAPrefix) {
  torch::manual_seed(2);
  const auto& entry = find_backbone("mobilenetv2_100");
  const auto saved = entry.create({});
  for (const std::string prefix : {"backbone.", "backbone.net.", "module.backbone.net."}) {
    NamedTensors contest{{"head.weight", torch::zeros({3})},
                         {prefix + "classifier.bias", torch::zeros({3})}};
    for (const auto& [name, tensor] : state_of(*saved)) contest.emplace_back(prefix + name, tensor);
    const auto path = std::filesystem::path(testing::TempDir()) / "contest.safetensors";
    write_safetensors(path, contest);
    const auto loaded = entry.create({});
    load_backbone(*loaded, entry, path);
    const auto expected = state_of(*saved), got = state_of(*loaded);
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(got[i].second.equal(expected[i].second)) << prefix << got[i].first;
  }
}

TEST(LoadEmbeddingModel, TakesTheNeckThatTheFileHas) {
  torch::manual_seed(2);
  const auto& entry = find_backbone("mobilenetv2_100");
  EmbeddingModel saved({.arch = entry.name, .pool = "gem", .dim = 24});
  {
    const torch::NoGradGuard no_grad;
    for (const auto& [name, tensor] : saved.state())
      if (name.starts_with("neck.") && tensor.is_floating_point()) tensor.uniform_(0.5, 1.5);
    for (const auto& [name, tensor] : saved.state())
      if (name == "global_pool.p") tensor.fill_(2.5);
  }
  saved.eval();
  const auto x = torch::randn({2, 3, 64, 64});
  // Ours, and the Lotte contest's winner's: an nn.Sequential, the backbone a module of its own.
  const std::vector<std::vector<std::pair<std::string, std::string>>> renamings{
      {}, {{"neck.fc.", "neck.0."}, {"neck.bn.", "neck.1."}, {"neck.act.", "neck.2."}}};
  for (const auto& renamed : renamings) {
    NamedTensors file;
    for (auto [name, tensor] : saved.state()) {
      const bool own = name.starts_with("neck.") || name.starts_with("global_pool.");
      for (const auto& [from, to] : renamed)
        if (name.starts_with(from)) name = to + name.substr(from.size());
      file.emplace_back(renamed.empty() || own ? name : "backbone.net." + name, tensor);
    }
    if (!renamed.empty()) file.emplace_back("head.weight", torch::zeros({7, 24}));
    const auto path = std::filesystem::path(testing::TempDir()) / "winner.safetensors";
    write_safetensors(path, file);
    const auto loaded = load_embedding_model(entry, "auto", path);
    loaded->eval();
    EXPECT_EQ(loaded->dim(), 24);
    EXPECT_TRUE(torch::equal(loaded->forward(x), saved.forward(x)));
    const auto pooled = load_embedding_model(entry, "avg", path);
    pooled->eval();
    EXPECT_EQ(pooled->dim(), 1280);
    EXPECT_TRUE(torch::allclose(pooled->forward(x),
                                saved.backbone().forward_features(x).mean({2, 3}), 1e-4, 1e-5));
  }
}

TEST(FindBackbone, NamesTheNearest) {
  EXPECT_EQ(find_backbone("efficientnet_b3").num_features, 1536);
  try {
    find_backbone("eficientnet_b3");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kBadInput);
    EXPECT_NE(std::string(error.what()).find("got eficientnet_b3"), std::string::npos)
        << error.what();
    EXPECT_EQ(error.hint, "did you mean efficientnet_b3?");
  }
}

TEST(RoundChannels, IsTimms) {  // channels * width, never more than a tenth below
  EXPECT_EQ(round_channels(32, 1.1), 32);
  EXPECT_EQ(round_channels(40, 1.1), 48);  // 44 is half way: up
  EXPECT_EQ(round_channels(24, 1.2), 32);
  EXPECT_EQ(round_channels(1280, 1.4), 1792);
  EXPECT_EQ(round_channels(11, 1.0), 16);  // 8 would be 27 % below
}

TEST(EfficientNet, RejectsAnotherSize) { EXPECT_THROW(efficientnet(5, false, {}), Error); }

TEST(EfficientNet, StagesHaveTheSidesOfTheTables) {
  const std::vector<std::int64_t> want{112, 56, 28, 14, 14, 7, 7};
  for (const char* name : {"mobilenetv2_100", "efficientnet_b0"}) {
    const auto backbone = find_backbone(name).create({});
    // The stride of a stage is that of its first block; a convolution's weight does not say it, its
    // output does.
    std::int64_t side = 112;
    std::vector<std::int64_t> sides;
    for (int stage = 0; stage < 7; ++stage) {
      const auto conv = backbone->named_modules()["blocks." + std::to_string(stage) + ".0.conv_dw"];
      side = (side + conv->as<Conv2dImpl>()->options.stride - 1) /
             conv->as<Conv2dImpl>()->options.stride;
      sides.push_back(side);
    }
    EXPECT_EQ(sides, want) << name;
  }
}

TEST(EfficientNet, DropsPathsMoreTowardsTheEnd) {
  const auto backbone = efficientnet(0, false, {.drop_path_rate = 0.16});
  const auto modules = backbone->named_modules();
  const auto rate = [&](const std::string& block) {
    return modules["blocks." + block + ".drop_path"]->as<DropPathImpl>()->rate;
  };
  EXPECT_DOUBLE_EQ(rate("0.0"), 0);
  EXPECT_DOUBLE_EQ(rate("1.1"), 0.02);  // the third of 16
  EXPECT_DOUBLE_EQ(rate("6.0"), 0.15);
}

TEST(PublishedWeights, LoadStrictly) {
  int loaded = 0;
  for (const char* name : {"mobilenetv2_100", "efficientnet_b4"}) {
    const auto path = std::filesystem::path(SHOPLENS_SHARED_DIR) / "weights" /
                      (std::string(name) + ".safetensors");
    if (!std::filesystem::exists(path)) continue;
    const auto& entry = find_backbone(name);
    const auto backbone = entry.create({});
    load_backbone(*backbone, entry, path);
    backbone->eval();
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(
        backbone->forward_features(torch::randn({1, 3, 96, 96})).isfinite().all().item<bool>());
    ++loaded;
  }
  if (loaded == 0) GTEST_SKIP() << "no published weights in " << SHOPLENS_SHARED_DIR << "/weights";
}

}  // namespace
}  // namespace shoplens
