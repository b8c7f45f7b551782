// SPDX-License-Identifier: Apache-2.0
#include "models/mobilenetv3.h"

#include <torch/nn/modules/container/modulelist.h>

#include <iterator>
#include <vector>

#include "models/inverted_residual.h"
#include "models/round_channels.h"

namespace shoplens {
namespace {

struct Row {
  int stage, kernel, stride;
  double expand;
  int out;
  bool squeeze_excite;
  Activation activation;
};

constexpr Activation kRe = Activation::kRelu, kHs = Activation::kHardSwish;

// arXiv:1905.02244, table 1, a row a block. Comment = output side at 224.
constexpr Row kLarge[] = {
    {0, 3, 1, 1, 16, false, kRe},    // 112
    {1, 3, 2, 4, 24, false, kRe},    // 56
    {1, 3, 1, 3, 24, false, kRe},    // 56
    {2, 5, 2, 3, 40, true, kRe},     // 28
    {2, 5, 1, 3, 40, true, kRe},     // 28
    {2, 5, 1, 3, 40, true, kRe},     // 28
    {3, 3, 2, 6, 80, false, kHs},    // 14
    {3, 3, 1, 2.5, 80, false, kHs},  // 14
    {3, 3, 1, 2.3, 80, false, kHs},  // 14
    {3, 3, 1, 2.3, 80, false, kHs},  // 14
    {4, 3, 1, 6, 112, true, kHs},    // 14
    {4, 3, 1, 6, 112, true, kHs},    // 14
    {5, 5, 2, 6, 160, true, kHs},    // 7
    {5, 5, 1, 6, 160, true, kHs},    // 7
    {5, 5, 1, 6, 160, true, kHs},    // 7
};
constexpr std::int64_t kStem = 16, kFeatures = 960;

/// The last stage: a 1 x 1 convolution.
struct Widen : torch::nn::Module {
  explicit Widen(std::int64_t in)
      : conv(register_module("conv",
                             Conv2d(Conv2dOptions{.in = in, .out = kFeatures, .kernel = 1}))),
        bn1(register_module("bn1", BatchNorm(kFeatures))) {}
  template <class V>
  V forward(const V& x) {
    return norm_activate(bn1, kHs, conv->forward(x));
  }
  Conv2d conv;
  BatchNorm bn1;
};

class MobileNetV3 : public Backbone {
 public:
  explicit MobileNetV3(const BackboneOptions& options) {
    conv_stem_ = register_module(
        "conv_stem", Conv2d(Conv2dOptions{.in = 3, .out = kStem, .kernel = 3, .stride = 2}));
    bn1_ = register_module("bn1", BatchNorm(kStem));
    const auto stages = register_module("blocks", torch::nn::ModuleList());
    std::int64_t channels = kStem;
    torch::nn::ModuleList stage{nullptr};
    for (const Row& row : kLarge) {
      if (row.stage == static_cast<int>(stages->size())) {
        stage = torch::nn::ModuleList();
        stages->push_back(stage);
      }
      const std::int64_t mid = round_channels(channels, row.expand);
      InvertedResidualOptions block{.in = channels,
                                    .mid = mid,
                                    .out = row.out,
                                    .kernel = row.kernel,
                                    .stride = row.stride,
                                    .activation = row.activation};
      // timm counts the last stage's convolution as a block too.
      block.drop_rate = options.drop_path_rate * static_cast<double>(blocks_.size()) /
                        static_cast<double>(std::size(kLarge) + 1);
      if (row.squeeze_excite)
        block.squeeze_excite = {.channels = mid,
                                .reduced = round_channels(mid, 0.25),
                                .activation = Activation::kRelu,
                                .hard_gate = true};
      blocks_.push_back(std::make_shared<InvertedResidual>(block));
      stage->push_back(blocks_.back());
      channels = row.out;
    }
    widen_ = std::make_shared<Widen>(channels);
    torch::nn::ModuleList last;
    last->push_back(widen_);
    stages->push_back(last);
  }

  torch::Tensor forward_features(const torch::Tensor& x) override { return features(x); }
  Value forward_features(const Value& x) override { return features(x); }

 private:
  template <class V>
  V features(const V& x) {
    V y = norm_activate(bn1_, kHs, conv_stem_->forward(x));  // [N, 16, H / 2, W / 2]
    for (const auto& block : blocks_) y = block->forward(y);
    return widen_->forward(y);  // [N, 960, H / 32, W / 32]
  }

  Conv2d conv_stem_{nullptr};
  BatchNorm bn1_{nullptr};
  std::vector<std::shared_ptr<InvertedResidual>> blocks_;  // of all stages but the last
  std::shared_ptr<Widen> widen_;
};

}  // namespace

std::shared_ptr<Backbone> mobilenetv3_large_100(const BackboneOptions& options) {
  return std::make_shared<MobileNetV3>(options);
}

}  // namespace shoplens
