// SPDX-License-Identifier: Apache-2.0
#include "models/resnet.h"

#include <torch/nn/modules/container/modulelist.h>

#include <string>
#include <vector>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/batch_norm_act.h"
#include "nn/conv2d.h"
#include "nn/drop_path.h"
#include "nn/max_pool.h"

namespace shoplens {
namespace {

struct Stage {
  int blocks, width, stride;
};

// arXiv:1512.03385, table 1. Comment = output side at 224.
constexpr Stage kResNet50[] = {
    {3, 64, 1},   // 56
    {4, 128, 2},  // 28
    {6, 256, 2},  // 14
    {3, 512, 2},  // 7
};
constexpr int kStem = 64, kExpansion = 4;

/// The shortcut where shape changes.
struct Downsample : torch::nn::Module {
  Downsample(std::int64_t in, std::int64_t out, int stride)
      : conv(register_module(
            "0", Conv2d(Conv2dOptions{.in = in, .out = out, .kernel = 1, .stride = stride}))),
        norm(register_module("1", BatchNorm(out))) {}
  template <class V>
  V forward(const V& x) {
    return norm->forward(conv->forward(x));
  }
  Conv2d conv;
  BatchNorm norm;
};

/// Bottleneck: 1 x 1 down, 3 x 3, 1 x 1 up to four times the width.
struct Bottleneck : torch::nn::Module {
  Bottleneck(std::int64_t in, std::int64_t width, int stride, double drop_rate) {
    const std::int64_t out = width * kExpansion;
    conv1 = register_module("conv1", Conv2d(Conv2dOptions{.in = in, .out = width, .kernel = 1}));
    bn1 = register_module("bn1", BatchNorm(width));
    conv2 = register_module(
        "conv2", Conv2d(Conv2dOptions{.in = width, .out = width, .kernel = 3, .stride = stride}));
    bn2 = register_module("bn2", BatchNorm(width));
    conv3 = register_module("conv3", Conv2d(Conv2dOptions{.in = width, .out = out, .kernel = 1}));
    bn3 = register_module("bn3", BatchNorm(out));
    drop_path = register_module("drop_path", DropPath(drop_rate));
    if (stride > 1 || in != out)
      downsample = register_module("downsample", std::make_shared<Downsample>(in, out, stride));
  }

  // x [N, in, H, W] -> [N, 4 * width, ceil(H / stride), ceil(W / stride)]
  template <class V>
  V forward(const V& x) {
    V y = norm_activate(bn1, Activation::kRelu, conv1->forward(x));
    y = norm_activate(bn2, Activation::kRelu, conv2->forward(y));
    y = drop_path->forward(bn3->forward(conv3->forward(y)));
    return activate(Activation::kRelu, y + (downsample ? downsample->forward(x) : x));
  }

  Conv2d conv1{nullptr}, conv2{nullptr}, conv3{nullptr};
  BatchNorm bn1{nullptr}, bn2{nullptr}, bn3{nullptr};
  DropPath drop_path{nullptr};
  std::shared_ptr<Downsample> downsample;
};

class ResNet : public Backbone {
 public:
  explicit ResNet(const BackboneOptions& options) {
    conv1_ = register_module(
        "conv1", Conv2d(Conv2dOptions{.in = 3, .out = kStem, .kernel = 7, .stride = 2}));
    bn1_ = register_module("bn1", BatchNorm(kStem));
    int total = 0, number = 0;
    for (const Stage& stage : kResNet50) total += stage.blocks;
    std::int64_t channels = kStem;
    for (const Stage& stage : kResNet50) {
      torch::nn::ModuleList layer;
      for (int i = 0; i < stage.blocks; ++i) {
        const double drop_rate =
            options.drop_path_rate * static_cast<double>(blocks_.size()) / (total - 1);
        blocks_.push_back(std::make_shared<Bottleneck>(channels, stage.width,
                                                       i == 0 ? stage.stride : 1, drop_rate));
        layer->push_back(blocks_.back());
        channels = std::int64_t{stage.width} * kExpansion;
      }
      register_module("layer" + std::to_string(++number), layer);
    }
  }

  torch::Tensor forward_features(const torch::Tensor& x) override { return features(x); }
  Value forward_features(const Value& x) override { return features(x); }

 private:
  template <class V>
  V features(const V& x) {
    V y = norm_activate(bn1_, Activation::kRelu, conv1_->forward(x));  // [N, 64, H / 2, W / 2]
    y = max_pool(y, 3, 2);
    for (const auto& block : blocks_) y = block->forward(y);
    return y;  // [N, 2048, H / 32, W / 32]
  }

  Conv2d conv1_{nullptr};
  BatchNorm bn1_{nullptr};
  std::vector<std::shared_ptr<Bottleneck>> blocks_;  // of all stages, in the order of computation
};

}  // namespace

std::shared_ptr<Backbone> resnet50(const BackboneOptions& options) {
  return std::make_shared<ResNet>(options);
}

}  // namespace shoplens
