// SPDX-License-Identifier: Apache-2.0
// Signal variance is kept by arithmetic in the place of batch norm: every convolution standardises
// its weights, every activation is multiplied by kGamma, every block divides its input by the
// deviation it is expected to have. These factors, and those of the residual branch, are moved to
// where they cost nothing: the convolution that follows (its `gamma`), or the [N, C, 1, 1] gate.
#include "models/nfnet.h"

#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>

#include <cmath>
#include <span>

#include "nn/activation.h"
#include "nn/average_pool.h"
#include "nn/drop_path.h"
#include "nn/pointwise.h"
#include "nn/scaled_std_conv2d.h"
#include "nn/squeeze_excite.h"

namespace shoplens {
namespace {

struct Row {
  int depth, out, stride;
};

// arXiv:2102.06171, table 1 (F0); F1 to F6 multiply the depths by 2 to 7. Comment = output side at
// 256; asserted in the test.
constexpr Row kF0[] = {
    {1, 256, 1},   // 64
    {2, 512, 2},   // 32
    {6, 1536, 2},  // 16
    {3, 1536, 2},  // 8
};

constexpr int kStem = 128, kFeatures = 3072, kGroup = 128;
constexpr double kGamma =
    1.7015043497085571;  // 1 / deviation of gelu(z), z standard normal; deepmind-research/nfnets
constexpr double kAlpha = 0.2;   // each block adds alpha^2 to the variance
constexpr double kGateGain = 2;  // a sigmoid halves the signal

ScaledStdConv2d conv(Conv2dOptions options, double gamma = kGamma) {
  options.same = options.bias = true;
  return ScaledStdConv2d(options, gamma);
}

/// Two stride-2 and two stride-1 convolutions, x [N, 3, H, W] -> [N, 128, ceil(H / 4), ceil(W /
/// 4)].
struct Stem : torch::nn::Module {
  Stem() {
    conv1 =
        register_module("conv1", conv({.in = 3, .out = kStem / 8, .kernel = 3, .stride = 2}, 1));
    conv2 = register_module("conv2", conv({.in = kStem / 8, .out = kStem / 4, .kernel = 3}));
    conv3 = register_module("conv3", conv({.in = kStem / 4, .out = kStem / 2, .kernel = 3}));
    conv4 =
        register_module("conv4", conv({.in = kStem / 2, .out = kStem, .kernel = 3, .stride = 2}));
  }

  template <class V>
  V forward(const V& x) {
    V y = conv2->forward(exact_gelu(conv1->forward(x)));
    y = conv3->forward(exact_gelu(y));
    return conv4->forward(exact_gelu(y));
  }

  ScaledStdConv2d conv1{nullptr}, conv2{nullptr}, conv3{nullptr}, conv4{nullptr};
};

/// The shortcut where the shape changes.
struct Downsample : torch::nn::Module {
  Downsample(int in, int out, int stride, double gamma) : stride(stride) {
    conv = register_module("conv", shoplens::conv({.in = in, .out = out, .kernel = 1}, gamma));
  }

  template <class V>
  V forward(const V& x) {
    return conv->forward(stride > 1 ? average_pool(x, stride) : x);
  }

  int stride;
  ScaledStdConv2d conv{nullptr};
};

/// timm initialises these as every convolution of the network: normal, fan-in.
SqueezeExcite squeeze_excite(int channels) {
  SqueezeExcite made(SqueezeExciteOptions{.channels = channels,
                                          .reduced = channels / 2,
                                          .activation = Activation::kRelu,
                                          .reduce_name = "fc1",
                                          .expand_name = "fc2"});
  torch::nn::init::normal_(made->reduce->weight, 0, 1 / std::sqrt(channels));
  torch::nn::init::normal_(made->expand->weight, 0, 1 / std::sqrt(channels / 2));
  return made;
}

/// Residual bottleneck, activation first: y = shortcut + branch * gate, gate [N, C, 1, 1].
struct Block : torch::nn::Module {
  /// `variance`: what x is expected to have.
  Block(int in, int out, int stride, double variance, double drop_rate) {
    const double gamma = kGamma / std::sqrt(variance);
    const int mid = out / 2;
    const Conv2dOptions grouped{.in = mid, .out = mid, .kernel = 3, .groups = mid / kGroup};
    Conv2dOptions strided = grouped;
    strided.stride = stride;
    if (in != out || stride != 1)
      downsample =
          register_module("downsample", std::make_shared<Downsample>(in, out, stride, gamma));
    conv1 = register_module("conv1", conv({.in = in, .out = mid, .kernel = 1}, gamma));
    conv2 = register_module("conv2", conv(strided));
    conv2b = register_module("conv2b", conv(grouped));
    conv3 = register_module("conv3", conv({.in = mid, .out = out, .kernel = 1}));
    attn_last = register_module("attn_last", squeeze_excite(out));
    drop_path = register_module("drop_path", DropPath(drop_rate));
    skipinit_gain = register_parameter("skipinit_gain",
                                       torch::zeros({}));  // a new network's blocks are identities
  }

  // x [N, in, H, W] -> [N, out, ceil(H / stride), ceil(W / stride)]
  template <class V>
  V forward(const V& x) {
    const V activated = exact_gelu(x);
    const V shortcut = downsample ? downsample->forward(activated) : x;
    V branch = conv2->forward(exact_gelu(conv1->forward(activated)));
    branch = conv2b->forward(exact_gelu(branch));
    branch = conv3->forward(exact_gelu(branch));
    return add_gated(shortcut, branch);
  }

  torch::Tensor add_gated(const torch::Tensor& shortcut, const torch::Tensor& branch) {
    return gate_by_mean(
        branch,
        [this](const torch::Tensor& mean) {
          return drop_path->forward(attn_last->excite(mean)) *
                 (skipinit_gain * (kGateGain * kAlpha));
        },
        shortcut);
  }
  Value add_gated(const Value& shortcut, const Value& branch) {
    const double gain = skipinit_gain.item<double>() * kGateGain * kAlpha;
    return branch * (attn_last->gate(branch) * gain) + shortcut;
  }

  std::shared_ptr<Downsample> downsample;
  ScaledStdConv2d conv1{nullptr}, conv2{nullptr}, conv2b{nullptr}, conv3{nullptr};
  SqueezeExcite attn_last{nullptr};
  DropPath drop_path{nullptr};
  torch::Tensor skipinit_gain;  // []
};

class NFNet : public Backbone {
 public:
  NFNet(std::span<const Row> rows, const BackboneOptions& options) {
    int total = 0, in = kStem;
    for (const Row& row : rows) total += row.depth;
    stem_ = register_module("stem", std::make_shared<Stem>());
    const auto stages = register_module("stages", torch::nn::ModuleList());
    double variance = 1;
    for (const Row& row : rows) {
      torch::nn::ModuleList stage;
      for (int i = 0; i < row.depth; ++i) {
        // The last block has the whole rate, unlike EfficientNet's.
        const double drop_rate =
            options.drop_path_rate * static_cast<double>(blocks_.size()) / std::max(total - 1, 1);
        blocks_.push_back(
            std::make_shared<Block>(in, row.out, i == 0 ? row.stride : 1, variance, drop_rate));
        stage->push_back(blocks_.back());
        // A stage's first shortcut is a convolution, which brings the variance back to 1.
        variance = (i == 0 ? 1 : variance) + kAlpha * kAlpha;
        in = row.out;
      }
      stages->push_back(stage);
    }
    final_conv_ = register_module("final_conv", conv({.in = in, .out = kFeatures, .kernel = 1}, 1));
  }

  torch::Tensor forward_features(const torch::Tensor& x) override { return features(x); }
  Value forward_features(const Value& x) override { return features(x); }

 private:
  template <class V>
  V features(const V& x) {
    V y = stem_->forward(x);  // [N, 128, H / 4, W / 4]
    for (const auto& block : blocks_) y = block->forward(y);
    return exact_gelu(final_conv_->forward(y)) * kGamma;  // [N, 3072, H / 32, W / 32]
  }

  std::shared_ptr<Stem> stem_;
  std::vector<std::shared_ptr<Block>> blocks_;  // of all stages, in the order of computation
  ScaledStdConv2d final_conv_{nullptr};
};

}  // namespace

std::shared_ptr<Backbone> dm_nfnet_f0(const BackboneOptions& options) {
  return std::make_shared<NFNet>(kF0, options);
}

}  // namespace shoplens
