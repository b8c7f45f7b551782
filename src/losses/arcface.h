// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "losses/cosine_head.h"

namespace shoplens {

/// Additive angular margin: the true class's logit is s * cos(theta + m) while theta + m <= pi;
/// beyond, where that cosine would rise again, s * (cos(theta) - m * sin(m)), as insightface has
/// it. Source: Deng et al. 2019, arXiv:1801.07698, eq. 3. m = 0 is a scaled cosine softmax.
class ArcFace : public CosineHead {
 public:
  /// margins [K], radians. Throws kBadInput unless each is in [0, pi / 2).
  ArcFace(const CosineOptions& options, const std::vector<double>& margins);

 protected:
  torch::Tensor with_margin(const torch::Tensor& target, const torch::Tensor& labels,
                            const torch::Tensor& x) override;

 private:
  torch::Tensor margins_;  // [K], double
};

}  // namespace shoplens
