// SPDX-License-Identifier: Apache-2.0
// MobileNetV2 and EfficientNet: one stem, one kind of block, one head; tables say the rest.
#include "models/efficientnet.h"

#include <torch/nn/modules/container/modulelist.h>

#include <cmath>
#include <span>

#include "core/error.h"
#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/batch_norm_act.h"
#include "nn/conv2d.h"
#include "nn/drop_path.h"
#include "nn/squeeze_excite.h"

namespace shoplens {
namespace {

struct Row {
  int repeats, kernel, stride, expand, out;
};

// arXiv:1801.04381, table 2. Comment = output side at 224; asserted in the test.
constexpr Row kMobileNetV2[] = {
    {1, 3, 1, 1, 16},   // 112
    {2, 3, 2, 6, 24},   // 56
    {3, 3, 2, 6, 32},   // 28
    {4, 3, 2, 6, 64},   // 14
    {3, 3, 1, 6, 96},   // 14
    {3, 3, 2, 6, 160},  // 7
    {1, 3, 1, 6, 320},  // 7
};

// arXiv:1905.11946, table 1 (B0).
constexpr Row kEfficientNet[] = {
    {1, 3, 1, 1, 16},   // 112
    {2, 3, 2, 6, 24},   // 56
    {2, 5, 2, 6, 40},   // 28
    {3, 3, 2, 6, 80},   // 14
    {3, 5, 1, 6, 112},  // 14
    {4, 5, 2, 6, 192},  // 7
    {1, 3, 1, 6, 320},  // 7
};

// B0 to B4: compound scaling, the coefficients of the reference code (tensorflow/tpu,
// efficientnet_builder.py).
struct Scaling {
  double width, depth;
};
constexpr Scaling kScalings[] = {{1.0, 1.0}, {1.0, 1.1}, {1.1, 1.2}, {1.2, 1.4}, {1.4, 1.8}};

constexpr std::int64_t kStem = 32, kHead = 1280;

/// What the blocks of one network have in common.
struct Family {
  std::span<const Row> rows;
  Scaling scaling;
  Activation activation;
  bool squeeze_excite;
  bool tensorflow;

  Conv2d conv(Conv2dOptions options) const {
    options.same = tensorflow;
    return Conv2d(options);
  }
  BatchNorm norm(std::int64_t channels) const {
    return BatchNorm(channels, tensorflow ? 1e-3 : 1e-5);
  }
  int repeats(const Row& row) const {
    return static_cast<int>(std::ceil(row.repeats * scaling.depth));
  }
};

/// Inverted residual, or without an expansion depthwise-separable convolution; timm numbers the
/// norms in order.
struct Block : torch::nn::Module {
  Block(const Family& family, std::int64_t in, std::int64_t out, const Row& row, int stride,
        double drop_rate)
      : activation(family.activation), residual(stride == 1 && in == out) {
    const std::int64_t mid = in * row.expand;
    const bool expands = row.expand > 1;
    if (expands) {
      expand = register_module("conv_pw", family.conv({.in = in, .out = mid, .kernel = 1}));
      expand_norm = register_module("bn1", family.norm(mid));
    }
    depthwise = register_module(
        "conv_dw",
        family.conv(
            {.in = mid, .out = mid, .kernel = row.kernel, .stride = stride, .groups = mid}));
    depthwise_norm = register_module(expands ? "bn2" : "bn1", family.norm(mid));
    // A quarter of the block's input channels, not of the expanded ones.
    if (family.squeeze_excite)
      gate = register_module(
          "se", SqueezeExcite(SqueezeExciteOptions{.channels = mid, .reduced = in / 4}));
    project = register_module(expands ? "conv_pwl" : "conv_pw",
                              family.conv({.in = mid, .out = out, .kernel = 1}));
    project_norm = register_module(expands ? "bn3" : "bn2", family.norm(out));
    drop_path = register_module("drop_path", DropPath(drop_rate));
  }

  // x [N, in, H, W] -> [N, out, ceil(H / stride), ceil(W / stride)]
  template <class V>
  V forward(const V& x) {
    V y = x;
    if (expand) y = norm_activate(expand_norm, activation, expand->forward(y));
    y = norm_activate(depthwise_norm, activation, depthwise->forward(y));
    if (gate) y = gate->forward(y);
    y = project_norm->forward(project->forward(y));
    return residual ? drop_path->forward(y) + x : y;
  }

  Activation activation;
  bool residual;
  Conv2d expand{nullptr}, depthwise{nullptr}, project{nullptr};
  BatchNorm expand_norm{nullptr}, depthwise_norm{nullptr}, project_norm{nullptr};
  SqueezeExcite gate{nullptr};
  DropPath drop_path{nullptr};
};

class EfficientNet : public Backbone {
 public:
  EfficientNet(const Family& family, const BackboneOptions& options)
      : activation_(family.activation) {
    const double width = family.scaling.width;
    std::int64_t channels = round_channels(kStem, width);
    conv_stem_ = register_module("conv_stem",
                                 family.conv({.in = 3, .out = channels, .kernel = 3, .stride = 2}));
    bn1_ = register_module("bn1", family.norm(channels));

    int total = 0;
    for (const Row& row : family.rows) total += family.repeats(row);
    const auto stages = register_module("blocks", torch::nn::ModuleList());
    for (const Row& row : family.rows) {
      torch::nn::ModuleList stage;
      for (int i = 0; i < family.repeats(row); ++i) {
        const double drop_rate =
            options.drop_path_rate * static_cast<double>(blocks_.size()) / total;
        const std::int64_t out = round_channels(row.out, width);
        blocks_.push_back(std::make_shared<Block>(family, channels, out, row,
                                                  i == 0 ? row.stride : 1, drop_rate));
        stage->push_back(blocks_.back());
        channels = out;
      }
      stages->push_back(stage);
    }

    const std::int64_t head = round_channels(kHead, width);
    conv_head_ =
        register_module("conv_head", family.conv({.in = channels, .out = head, .kernel = 1}));
    bn2_ = register_module("bn2", family.norm(head));
  }

  torch::Tensor forward_features(const torch::Tensor& x) override { return features(x); }
  Value forward_features(const Value& x) override { return features(x); }

 private:
  template <class V>
  V features(const V& x) {
    // [N, 32 * width, H / 2, W / 2]
    V y = norm_activate(bn1_, activation_, conv_stem_->forward(x));
    for (const auto& block : blocks_) y = block->forward(y);
    // [N, 1280 * width, H / 32, W / 32]
    return norm_activate(bn2_, activation_, conv_head_->forward(y));
  }

  Activation activation_;
  Conv2d conv_stem_{nullptr}, conv_head_{nullptr};
  BatchNorm bn1_{nullptr}, bn2_{nullptr};
  std::vector<std::shared_ptr<Block>> blocks_;  // of all stages, in the order of computation
};

}  // namespace

std::int64_t round_channels(std::int64_t channels, double width) {
  const double scaled = static_cast<double>(channels) * width;
  const auto nearest = std::max<std::int64_t>(8, static_cast<std::int64_t>(scaled + 4) / 8 * 8);
  return static_cast<double>(nearest) < 0.9 * scaled ? nearest + 8 : nearest;
}

std::shared_ptr<Backbone> mobilenetv2_100(const BackboneOptions& options) {
  return std::make_shared<EfficientNet>(Family{.rows = kMobileNetV2,
                                               .scaling = {1, 1},
                                               .activation = Activation::kRelu6,
                                               .squeeze_excite = false,
                                               .tensorflow = false},
                                        options);
}

std::shared_ptr<Backbone> efficientnet(int b, bool tensorflow, const BackboneOptions& options) {
  check(b >= 0 && b < static_cast<int>(std::size(kScalings)), "efficientnet: want b in 0..4, got ",
        b);
  return std::make_shared<EfficientNet>(Family{.rows = kEfficientNet,
                                               .scaling = kScalings[b],
                                               .activation = Activation::kSilu,
                                               .squeeze_excite = true,
                                               .tensorflow = tensorflow},
                                        options);
}

}  // namespace shoplens
