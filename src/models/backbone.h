// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "image/preprocess.h"
#include "onnx/graph.h"

namespace shoplens {

/// A network from pictures to a feature map. Its parameters and buffers have timm's names.
class Backbone : public torch::nn::Module {
 public:
  /// timm's forward_features: x [N, 3, S, S] -> a map [N, num_features, H, W], S / 32 a side
  /// (rounded up, or by convnext down); of a vision transformer tokens [N, 1 + (S / patch)^2,
  /// num_features].
  virtual torch::Tensor forward_features(const torch::Tensor& x) = 0;
  virtual Value forward_features(const Value& x) = 0;
};

struct BackboneOptions {
  double drop_path_rate = 0;  // stochastic depth of the last block; earlier blocks less, linearly
};

/// A row of the registry: how a backbone is made, and what timm's default_cfg says of it.
struct BackboneEntry {
  std::string name;
  int num_features;
  int train_size, test_size;    // input sides, pixels
  Preprocessing preprocessing;  // at test_size
  std::vector<std::string>
      classifier_prefixes;  // tensors of a timm checkpoint that a backbone leaves out
  bool channels_last;       // in float32 trains faster so (measured); in bf16 all do
  std::shared_ptr<Backbone> (*create)(const BackboneOptions& options);
  int patch = 0;  // a vision transformer's, pixels a side; 0: a convolutional network

  /// What pooling `auto` stands for: a transformer's class token, else `of_map`.
  std::string default_pool(const std::string& of_map) const { return patch > 0 ? "token" : of_map; }
};

/// Every backbone there is, in the order of docs.
const std::vector<BackboneEntry>& backbones();

/// The entry called `name`. Throws kBadInput that names the nearest one.
const BackboneEntry& find_backbone(const std::string& name);

}  // namespace shoplens
