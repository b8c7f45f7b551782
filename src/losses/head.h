// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <memory>
#include <string>

namespace shoplens {

struct LossOptions {
  double label_smoothing = 0;     // share of the target spread over all classes
  torch::Tensor class_weights{};  // [K], or undefined: every class counts alike
};

/// What training puts behind an embedding: scores of the K training classes, and the loss on them.
/// Not part of model.onnx. Works in the type of its weights (float), whatever the embeddings have
/// and autocast says.
class Head : public torch::nn::Module {
 public:
  /// x [N, D] of any length -> scores [N, K], the greater the likelier.
  virtual torch::Tensor logits(const torch::Tensor& x) = 0;
  /// The logits that training sees, labels [N] int64 in 0..K-1: a margin loss makes the true class
  /// harder.
  virtual torch::Tensor logits(const torch::Tensor& x, const torch::Tensor& labels) = 0;
  /// Mean cross-entropy of logits(x, labels), in nats: [].
  torch::Tensor loss(const torch::Tensor& x, const torch::Tensor& labels,
                     const LossOptions& options = {});
};

struct HeadOptions {
  std::string name = "arcface";  // arcface | softmax
  int dim = 512, classes = 0;    // D, K
  double scale = 45;             // s: the cosine's factor (arcface)
  double margin = 0.4;           // m: added to the true class's angle, radians (arcface)
};

/// The head called `options.name`. Throws kBadInput for another name or a number out of range.
std::shared_ptr<Head> make_head(const HeadOptions& options);

}  // namespace shoplens
