// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "losses/cosine_head.h"

namespace shoplens {

/// Margin by photo quality, for which the length of the raw embedding stands: with z the length's
/// place in its running distribution, z = clip(h (|x| - mean) / (std + 1e-3), -1, 1), the true
/// class's logit is
///   s * (cos(clip(theta - m z)) - (m + m z)):
/// hard photos of good quality count most, unrecognisable ones least. h = 0.333, running mean and
/// std (from 20 and 100) with momentum 0.01. Buffers: norm_mean, norm_std. Source: Kim et al. 2022,
/// arXiv:2204.00964, eq. 11-15, and its code for the constants.
class AdaFace : public CosineHead {
 public:
  /// Throws kBadInput unless margin is in [0, 1).
  AdaFace(const CosineOptions& options, double margin);

 protected:
  torch::Tensor with_margin(const torch::Tensor& target, const torch::Tensor& labels,
                            const torch::Tensor& x) override;

 private:
  double margin_;
  torch::Tensor norm_mean_, norm_std_;
};

}  // namespace shoplens
