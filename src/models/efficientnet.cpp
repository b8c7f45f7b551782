// SPDX-License-Identifier: Apache-2.0
// MobileNetV2 and EfficientNet: one stem, one kind of block, one head; tables say the rest.
#include "models/efficientnet.h"

#include <torch/nn/modules/container/modulelist.h>

#include <cmath>
#include <span>

#include "core/error.h"
#include "models/inverted_residual.h"
#include "models/round_channels.h"

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
  double eps() const { return tensorflow ? 1e-3 : 1e-5; }
  BatchNorm norm(std::int64_t channels) const { return BatchNorm(channels, eps()); }
  InvertedResidualOptions block(const Row& row, std::int64_t in, std::int64_t out, int stride,
                                double drop_rate) const {
    const std::int64_t mid = in * row.expand;
    InvertedResidualOptions options{.in = in,
                                    .mid = mid,
                                    .out = out,
                                    .kernel = row.kernel,
                                    .stride = stride,
                                    .activation = activation,
                                    .same = tensorflow,
                                    .eps = eps(),
                                    .drop_rate = drop_rate};
    // A quarter of the block's input channels, not of the expanded ones.
    if (squeeze_excite) options.squeeze_excite = {.channels = mid, .reduced = in / 4};
    return options;
  }
  int repeats(const Row& row) const {
    return static_cast<int>(std::ceil(row.repeats * scaling.depth));
  }
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
        blocks_.push_back(std::make_shared<InvertedResidual>(
            family.block(row, channels, out, i == 0 ? row.stride : 1, drop_rate)));
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
  std::vector<std::shared_ptr<InvertedResidual>>
      blocks_;  // of all stages, in the order of computation
};

}  // namespace

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
