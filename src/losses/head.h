// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shoplens {

struct LossOptions {
  double label_smoothing = 0;     // share of the target spread over all classes
  torch::Tensor class_weights{};  // [K], or undefined: every class counts alike
};

/// A head's scores as one matrix, for a network to compute itself: weight [K, D], bias [K].
struct LinearScores {
  torch::Tensor weight, bias;
  bool of_unit_vector = false;  // of the embedding over its length, i.e. cosines, without the scale
};

/// What training puts behind an embedding: the loss, and for most kinds scores of the K training
/// classes. Not part of model.onnx. Works in float, whatever type the embeddings have and autocast
/// says.
class Head : public torch::nn::Module {
 public:
  /// x [N, D] of any length, labels [N] int64 in 0..K-1 -> [], in nats for classifiers.
  virtual torch::Tensor loss(const torch::Tensor& x, const torch::Tensor& labels,
                             const LossOptions& options = {}) = 0;
  /// x [N, D] -> scores [N, K], the greater the likelier. Throws kUnsupported for a head without
  /// classes.
  virtual torch::Tensor logits(const torch::Tensor& x);
  /// What the logits are multiplied by: s of the cosine heads.
  virtual double scale() const { return 1; }
  /// Nothing for a head whose scores are no matrix.
  virtual std::optional<LinearScores> linear_scores() const { return std::nullopt; }
};

/// A head with a score for each training class.
class ClassifierHead : public Head {
 public:
  torch::Tensor logits(const torch::Tensor& x) override = 0;
  /// The logits that training sees: a margin loss makes the true class harder.
  virtual torch::Tensor logits(const torch::Tensor& x, const torch::Tensor& labels) = 0;
  /// Mean cross-entropy of logits(x, labels).
  torch::Tensor loss(const torch::Tensor& x, const torch::Tensor& labels,
                     const LossOptions& options = {}) override;

 protected:
  /// logits [N, K], labels [N] -> []
  static torch::Tensor cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels,
                                     const LossOptions& options);
};

struct HeadOptions {
  std::string name = "arcface";  // one of head_names()
  int dim = 512, classes = 0;    // D, K
  double scale = 45;             // s: the cosine's factor (arcface, cosface, adaface)
  double margin = 0.4;  // m: arcface: added to the angle, radians; cosface, adaface: of the
                        // cosine; triplet: of the distance
  std::vector<double> margins{};  // arcface, cosface: one a class, in place of `margin`
  int subcenters = 1;             // centres a class; the nearest counts (arcface, cosface, adaface)
  double sample_rate = 1;  // share of the classes in a step's loss (arcface, cosface, adaface)
};

/// arcface, cosface, adaface, softmax, triplet, multi-similarity.
const std::vector<std::string>& head_names();

/// The head called `options.name`. Throws kBadInput for another name or a number out of range.
std::shared_ptr<Head> make_head(const HeadOptions& options);

/// One margin a class, greater the rarer it is: m_k = a n_k^(-1/4) + b, with a and b such that the
/// class with the most photos has `common` and the one with the fewest `rare`; all `common` when
/// the counts are equal. counts [K], each > 0. Source: Ha et al. 2020, arXiv:2010.05350,
/// section 3.2 (dynamic margins).
std::vector<double> margins_by_count(const std::vector<std::int64_t>& counts, double common,
                                     double rare);

}  // namespace shoplens
