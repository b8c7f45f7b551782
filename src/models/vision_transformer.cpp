// SPDX-License-Identifier: Apache-2.0
#include "models/vision_transformer.h"

#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>

#include <vector>

#include "core/error.h"
#include "models/mlp.h"
#include "nn/conv2d.h"
#include "nn/drop_path.h"
#include "nn/layer_norm.h"
#include "nn/layer_scale.h"
#include "nn/tokens.h"

namespace shoplens {
namespace {

constexpr int kDim = 384, kDepth = 12, kHeads = 6, kPatch = 14;
constexpr std::int64_t kGrid = 37;  // patches a side that the position embedding was trained for
constexpr double kInitialScale = 1e-5;

struct PatchEmbed : torch::nn::Module {
  PatchEmbed()
      : proj(register_module("proj", Conv2d(Conv2dOptions{.in = 3,
                                                          .out = kDim,
                                                          .kernel = kPatch,
                                                          .stride = kPatch,
                                                          .bias = true,
                                                          .valid = true}))) {}
  template <class V>
  V forward(const V& x) {
    return tokens_of(proj->forward(x));
  }
  Conv2d proj;
};

struct Attention : torch::nn::Module {
  Attention()
      : qkv(register_module("qkv", Linear(kDim, 3 * kDim))),
        proj(register_module("proj", Linear(kDim, kDim))) {}
  template <class V>
  V forward(const V& x) {
    return proj->forward(attention(qkv->forward(x), kDim, kHeads));
  }
  Linear qkv, proj;
};

/// x [N, T, C] -> [N, T, C]
struct Block : torch::nn::Module {
  explicit Block(double drop_rate)
      : norm1(register_module("norm1", LayerNorm(kDim))),
        norm2(register_module("norm2", LayerNorm(kDim))),
        attn(register_module("attn", std::make_shared<Attention>())),
        mlp(register_module("mlp", std::make_shared<Mlp>(kDim))),
        ls1(register_module("ls1", LayerScale(kDim, kInitialScale))),
        ls2(register_module("ls2", LayerScale(kDim, kInitialScale))),
        drop_path(register_module("drop_path", DropPath(drop_rate))) {}
  template <class V>
  V forward(const V& x) {
    const V y = x + drop_path->forward(ls1->forward(attn->forward(norm1->forward(x))));
    return y + drop_path->forward(ls2->forward(mlp->forward(norm2->forward(y))));
  }
  LayerNorm norm1, norm2;
  std::shared_ptr<Attention> attn;
  std::shared_ptr<Mlp> mlp;
  LayerScale ls1, ls2;
  DropPath drop_path;
};

std::int64_t patches_of(std::int64_t side) {
  check(side > 0 && side % kPatch == 0, "vit: want an input side that ", kPatch, " divides, got ",
        side);
  return side / kPatch;
}

class VisionTransformer : public Backbone {
 public:
  explicit VisionTransformer(const BackboneOptions& options) {
    cls_token_ = register_parameter("cls_token", torch::empty({1, 1, kDim}));
    pos_embed_ = register_parameter("pos_embed", torch::empty({1, 1 + kGrid * kGrid, kDim}));
    torch::nn::init::normal_(cls_token_, 0, 1e-6);
    torch::nn::init::normal_(pos_embed_, 0, 0.02);
    patch_embed_ = register_module("patch_embed", std::make_shared<PatchEmbed>());
    const auto list = register_module("blocks", torch::nn::ModuleList());
    for (int i = 0; i < kDepth; ++i) {
      blocks_.push_back(std::make_shared<Block>(options.drop_path_rate * i / (kDepth - 1)));
      list->push_back(blocks_.back());
    }
    norm_ = register_module("norm", LayerNorm(kDim));
  }

  torch::Tensor forward_features(const torch::Tensor& x) override {
    check(x.size(2) == x.size(3), "vit: want a square input, got ", x.sizes());
    return features(x, patches_of(x.size(2)));
  }
  Value forward_features(const Value& x) override {
    return features(x, patches_of(x.graph->input_dims(x)[2]));
  }

 private:
  template <class V>
  V features(const V& x, std::int64_t grid) {
    V y = prepend_and_add(patch_embed_->forward(x), cls_token_, position_embedding(grid));
    for (const auto& block : blocks_) y = block->forward(y);
    return norm_->forward(y);  // [N, 1 + grid^2, 384]
  }

  // [1, 1 + grid^2, C]
  torch::Tensor position_embedding(std::int64_t grid) const {
    if (grid == kGrid) return pos_embed_;
    const torch::Tensor map = pos_embed_.slice(1, 1)
                                  .to(torch::kFloat)
                                  .reshape({1, kGrid, kGrid, kDim})
                                  .permute({0, 3, 1, 2});
    const torch::Tensor resized = torch::_upsample_bicubic2d_aa(map, {grid, grid}, false);
    return torch::cat({pos_embed_.slice(1, 0, 1), tokens_of(resized).to(pos_embed_.scalar_type())},
                      1);
  }

  torch::Tensor cls_token_, pos_embed_;
  std::shared_ptr<PatchEmbed> patch_embed_;
  std::vector<std::shared_ptr<Block>> blocks_;
  LayerNorm norm_{nullptr};
};

}  // namespace

std::shared_ptr<Backbone> vit_small_patch14_dinov2(const BackboneOptions& options) {
  return std::make_shared<VisionTransformer>(options);
}

}  // namespace shoplens
