// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/backbone.h"
#include "nn/batch_norm.h"
#include "nn/gem.h"
#include "nn/linear.h"
#include "nn/prelu.h"

namespace shoplens {

struct EmbeddingModelOptions {
  std::string arch = "mobilenetv2_100";
  std::string pool =
      "gem";      // gem | avg | token (of a vision transformer; the others pool the rest)
  int dim = 512;  // of the embedding; 0: the pooled features themselves, without a neck
  double drop_path_rate = 0;
};

/// From pooled features to the embedding: x [N, C] -> y [N, D]. Keys: fc.*, bn.*, act.weight.
struct NeckImpl : torch::nn::Module {
  NeckImpl(int features, int dim);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  Linear fc;
  BatchNorm bn;
  PReLU act;
};
TORCH_MODULE(Neck);

/// Backbone, pooling and neck: x [N, 3, S, S] -> embeddings [N, D], not normalised. Pooling and
/// neck compute in float whatever autocast says. Throws kBadInput for an unknown arch or pool,
/// a token of a network without, or dim < 0. Tensor names: the backbone's are timm's at the top
/// level (so that a checkpoint's backbone part loads into timm as it is); then global_pool.p,
/// neck.fc.*, neck.bn.*, neck.act.weight.
class EmbeddingModel : public torch::nn::Module {
 public:
  explicit EmbeddingModel(const EmbeddingModelOptions& options);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  /// The same, and what is pooled as a map [N, C, H, W]: of a transformer its patches.
  template <class V>
  struct WithMap {
    V embedding, map;
  };
  WithMap<torch::Tensor> forward_with_map(const torch::Tensor& x);
  WithMap<Value> forward_with_map(const Value& x);
  int dim() const;
  const EmbeddingModelOptions& options() const { return options_; }
  Backbone& backbone() { return *backbone_; }

  /// Every parameter and buffer by its checkpoint name, in a stable order. The tensors are the
  /// model's own.
  std::vector<std::pair<std::string, torch::Tensor>> state() const;

 private:
  template <class V>
  V embed(const V& features);
  template <class V>
  V pool(const V& features);

  EmbeddingModelOptions options_;
  int features_;  // C
  int patch_;     // of a vision transformer, pixels a side; 0: the backbone is another
  std::shared_ptr<Backbone> backbone_;
  GeM global_pool_{nullptr};  // null: average
  Neck neck_{nullptr};        // null: dim 0
};

}  // namespace shoplens
