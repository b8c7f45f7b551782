// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "losses/cosine_head.h"

namespace shoplens {

/// Additive cosine margin: the true class's logit is s * (cos(theta) - m).
/// Source: Wang et al. 2018, arXiv:1801.09414, eq. 4.
class CosFace : public CosineHead {
 public:
  /// margins [K]. Throws kBadInput unless each is in [0, 1).
  CosFace(const CosineOptions& options, const std::vector<double>& margins);

 protected:
  torch::Tensor with_margin(const torch::Tensor& target, const torch::Tensor& labels,
                            const torch::Tensor& x) override;

 private:
  torch::Tensor margins_;  // [K], double
};

}  // namespace shoplens
