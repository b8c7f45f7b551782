// SPDX-License-Identifier: Apache-2.0
#include "models/convnext.h"

#include <torch/nn/modules/container/modulelist.h>

#include <vector>

#include "models/mlp.h"
#include "nn/conv2d.h"
#include "nn/drop_path.h"
#include "nn/layer_norm.h"
#include "nn/layer_scale.h"

namespace shoplens {
namespace {

struct Stage {
  int depth, width;
};

// arXiv:2201.03545, section 3 (ConvNeXt-T). Comment = output side at 224.
constexpr Stage kTiny[] = {
    {3, 96},   // 56
    {3, 192},  // 28
    {9, 384},  // 14
    {3, 768},  // 7
};
constexpr int kStemStride = 4, kKernel = 7;
constexpr double kInitialScale = 1e-6;

/// Layer norm over the channels of a map: x [N, C, H, W].
template <class V>
V norm_map(LayerNorm& norm, const V& x) {
  return channels_to_front(norm->forward(channels_to_end(x)));
}

/// A convolution that cuts the map into squares of its stride; timm numbers it 0 or 1, its norm the
/// other.
Conv2d patches(std::int64_t in, std::int64_t out, int stride) {
  return Conv2d(Conv2dOptions{
      .in = in, .out = out, .kernel = stride, .stride = stride, .bias = true, .valid = true});
}

struct Stem : torch::nn::Module {
  explicit Stem(std::int64_t out)
      : conv(register_module("0", patches(3, out, kStemStride))),
        norm(register_module("1", LayerNorm(out))) {}
  template <class V>
  V forward(const V& x) {
    return norm_map(norm, conv->forward(x));
  }
  Conv2d conv;
  LayerNorm norm;
};

struct Downsample : torch::nn::Module {
  Downsample(std::int64_t in, std::int64_t out)
      : norm(register_module("0", LayerNorm(in))),
        conv(register_module("1", patches(in, out, 2))) {}
  template <class V>
  V forward(const V& x) {
    return conv->forward(norm_map(norm, x));
  }
  LayerNorm norm;
  Conv2d conv;
};

/// Depthwise 7 x 7, layer norm, MLP, layer scale: x [N, C, H, W] -> [N, C, H, W].
struct Block : torch::nn::Module {
  Block(std::int64_t channels, double drop_rate)
      : conv_dw(register_module("conv_dw", Conv2d(Conv2dOptions{.in = channels,
                                                                .out = channels,
                                                                .kernel = kKernel,
                                                                .groups = channels,
                                                                .bias = true}))),
        norm(register_module("norm", LayerNorm(channels))),
        mlp(register_module("mlp", std::make_shared<Mlp>(channels))),
        gamma(register_parameter("gamma", torch::full({channels}, kInitialScale))),
        drop_path(register_module("drop_path", DropPath(drop_rate))) {}
  template <class V>
  V forward(const V& x) {
    const V y = mlp->forward(norm->forward(channels_to_end(conv_dw->forward(x))));
    return drop_path->forward(channels_to_front(scale_channels(y, gamma))) + x;
  }
  Conv2d conv_dw;
  LayerNorm norm;
  std::shared_ptr<Mlp> mlp;
  torch::Tensor gamma;
  DropPath drop_path;
};

struct StageModule : torch::nn::Module {
  StageModule(std::int64_t in, const Stage& stage) {
    if (in != stage.width)
      downsample = register_module("downsample", std::make_shared<Downsample>(in, stage.width));
    list = register_module("blocks", torch::nn::ModuleList());
  }
  template <class V>
  V forward(const V& x) {
    V y = downsample ? downsample->forward(x) : x;
    for (const auto& block : blocks) y = block->forward(y);
    return y;
  }
  void add(std::shared_ptr<Block> block) {
    list->push_back(block);
    blocks.push_back(std::move(block));
  }
  std::shared_ptr<Downsample> downsample;
  torch::nn::ModuleList list;
  std::vector<std::shared_ptr<Block>> blocks;
};

class ConvNeXt : public Backbone {
 public:
  explicit ConvNeXt(const BackboneOptions& options) {
    stem_ = register_module("stem", std::make_shared<Stem>(kTiny[0].width));
    const auto list = register_module("stages", torch::nn::ModuleList());
    int total = 0, number = 0;
    for (const Stage& stage : kTiny) total += stage.depth;
    std::int64_t channels = kTiny[0].width;
    for (const Stage& stage : kTiny) {
      stages_.push_back(std::make_shared<StageModule>(channels, stage));
      for (int i = 0; i < stage.depth; ++i, ++number)
        stages_.back()->add(
            std::make_shared<Block>(stage.width, options.drop_path_rate * number / (total - 1)));
      list->push_back(stages_.back());
      channels = stage.width;
    }
  }

  torch::Tensor forward_features(const torch::Tensor& x) override { return features(x); }
  Value forward_features(const Value& x) override { return features(x); }

 private:
  template <class V>
  V features(const V& x) {
    V y = stem_->forward(x);  // [N, 96, H / 4, W / 4]
    for (const auto& stage : stages_) y = stage->forward(y);
    return y;  // [N, 768, H / 32, W / 32]
  }

  std::shared_ptr<Stem> stem_;
  std::vector<std::shared_ptr<StageModule>> stages_;
};

}  // namespace

std::shared_ptr<Backbone> convnext_tiny(const BackboneOptions& options) {
  return std::make_shared<ConvNeXt>(options);
}

}  // namespace shoplens
