// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "losses/head.h"

namespace shoplens {

/// Additive angular margin: with theta_k the angle between x and class k's row of `weight`, the
/// logits are
///   s * cos(theta_k), and for the true class s * cos(theta + m) while theta + m <= pi;
/// beyond, where that cosine would rise again, s * (cos(theta) - m * sin(m)), as insightface has
/// it. Key: weight [K, D]. Source: Deng et al. 2019, arXiv:1801.07698, eq. 3. m = 0 is a scaled
/// cosine softmax.
class ArcFace : public Head {
 public:
  /// Throws kBadInput unless scale > 0 and 0 <= margin < pi / 2.
  ArcFace(int dim, int classes, double scale, double margin);
  torch::Tensor logits(const torch::Tensor& x) override;
  torch::Tensor logits(const torch::Tensor& x, const torch::Tensor& labels) override;

 private:
  torch::Tensor cosine(const torch::Tensor& x) const;  // [N, D] -> [N, K]
  double scale_, margin_;
  torch::Tensor weight_;
};

}  // namespace shoplens
