// SPDX-License-Identifier: Apache-2.0
#include "losses/adaface.h"

#include <cmath>

namespace shoplens {
namespace {

constexpr double kConcentration = 0.333, kMomentum = 0.01, kEps = 1e-3;

}  // namespace

AdaFace::AdaFace(const CosineOptions& options, double margin)
    : CosineHead(options),
      margin_(checked_margins({margin}, 1, 1, "adaface").item<double>()),
      norm_mean_(register_buffer("norm_mean", torch::full({1}, 20.0))),
      norm_std_(register_buffer("norm_std", torch::full({1}, 100.0))) {}

torch::Tensor AdaFace::with_margin(const torch::Tensor& target, const torch::Tensor&,
                                   const torch::Tensor& x) {
  torch::Tensor quality;  // [N, 1], in -1..1; no gradient flows through it
  {
    const torch::NoGradGuard no_grad;
    const torch::Tensor norm = x.to(target.scalar_type()).norm(2, 1, true).clamp(1e-3, 100);
    if (is_training() && norm.size(0) > 1) {
      norm_mean_.mul_(1 - kMomentum).add_(norm.mean(), kMomentum);
      norm_std_.mul_(1 - kMomentum).add_(norm.std(), kMomentum);
    }
    quality = (kConcentration * (norm - norm_mean_) / (norm_std_ + kEps)).clamp(-1, 1);
  }
  // acos has an infinite slope at +-1.
  const torch::Tensor theta = target.clamp(-1 + kEps, 1 - kEps).acos();
  return (theta - margin_ * quality).clamp(kEps, M_PI - kEps).cos() - (margin_ + margin_ * quality);
}

}  // namespace shoplens
