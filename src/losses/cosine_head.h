// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "losses/head.h"

namespace shoplens {

struct CosineOptions {
  int dim, classes;
  double scale;
  int subcenters = 1;
  double sample_rate = 1;
};

/// Classes as directions: logits s * cos(theta_k), with theta_k the angle between x and class k's
/// row of `weight`. With C sub-centres a class has C rows and the nearest counts, so that noisy
/// photos gather round the others (Deng et al. 2020, "Sub-center ArcFace", ECCV; rows of class k: k
/// * C .. k * C + C - 1). With a sample_rate below 1 a training step compares with that share of
/// the classes only: the batch's own and others drawn anew each time; `weight` then gets a sparse
/// gradient, so that neither scores nor gradients nor an optimiser's work grow with K (An et al.
/// 2022, "Partial FC", arXiv:2203.15565, section 3.2). A derived class says how training makes the
/// true class harder. Key: weight [K * C, D], Xavier uniform.
class CosineHead : public ClassifierHead {
 public:
  /// Throws kBadInput unless scale > 0, subcenters > 0 and sample_rate is in (0, 1].
  explicit CosineHead(const CosineOptions& options);
  torch::Tensor logits(const torch::Tensor& x) override;
  torch::Tensor logits(const torch::Tensor& x, const torch::Tensor& labels) override;
  torch::Tensor loss(const torch::Tensor& x, const torch::Tensor& labels,
                     const LossOptions& options = {}) override;

  double scale() const override { return options_.scale; }
  /// Nothing with sub-centres, where the nearest counts.
  std::optional<LinearScores> linear_scores() const override;

 protected:
  /// target: cos(theta) of the true classes [N, 1] -> what takes its place [N, 1].
  virtual torch::Tensor with_margin(const torch::Tensor& target, const torch::Tensor& labels,
                                    const torch::Tensor& x) = 0;

 private:
  // x [N, D], centres [K * C, D] -> [N, K]
  torch::Tensor cosine(const torch::Tensor& x, const torch::Tensor& centers) const;
  // columns [N]: where among the cosines [N, K] the true class is
  torch::Tensor logits(const torch::Tensor& cosines, const torch::Tensor& columns,
                       const torch::Tensor& labels, const torch::Tensor& x);
  torch::Tensor sample_classes(const torch::Tensor& labels) const;  // [N] -> [M], ascending
  torch::Tensor centers_of(const torch::Tensor& classes) const;     // [M] -> [M * C, D]
  CosineOptions options_;
  torch::Tensor weight_;
};

/// margins [K] as a tensor; throws kBadInput, in the name of `head`, unless each is in [0, below).
torch::Tensor checked_margins(const std::vector<double>& margins, int classes, double below,
                              const char* head);

}  // namespace shoplens
