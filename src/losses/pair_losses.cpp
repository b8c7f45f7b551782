// SPDX-License-Identifier: Apache-2.0
#include "losses/pair_losses.h"

#include <torch/nn/functional/normalization.h>

#include <limits>

#include "core/error.h"
#include "nn/full_precision.h"

namespace shoplens {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Pairs {
  torch::Tensor cosine;              // [N, N]
  torch::Tensor positive, negative;  // [N, N], bool; a photo is no pair with itself
};

Pairs pairs_of(const torch::Tensor& x, const torch::Tensor& labels) {
  check(x.dim() == 2 && x.size(0) == labels.size(0), "head: want x [N, D] and N labels, got ",
        x.sizes(), " and ", labels.sizes());
  const FullPrecision full_precision;
  const torch::Tensor floats = x.scalar_type() == torch::kDouble ? x : x.to(torch::kFloat);
  const torch::Tensor unit = torch::nn::functional::normalize(
      floats, torch::nn::functional::NormalizeFuncOptions().eps(1e-6));
  const torch::Tensor same = labels.unsqueeze(1) == labels.unsqueeze(0);
  const torch::Tensor self = torch::eye(labels.size(0), same.options());
  return {unit.mm(unit.t()), same & ~self, ~same};
}

}  // namespace

Triplet::Triplet(double margin) : margin_(margin) {
  check(margin >= 0 && margin < 2, "triplet: want margin in [0, 2), got ", margin);
}

torch::Tensor Triplet::loss(const torch::Tensor& x, const torch::Tensor& labels,
                            const LossOptions&) {
  const Pairs pairs = pairs_of(x, labels);
  // On the unit sphere |u - v|^2 = 2 - 2 cos; the root's slope is infinite at 0.
  const torch::Tensor distance = (2 - 2 * pairs.cosine).clamp_min(1e-7).sqrt();
  const torch::Tensor farthest = distance.masked_fill(~pairs.positive, -kInfinity).amax(1);  // [N]
  const torch::Tensor nearest = distance.masked_fill(~pairs.negative, kInfinity).amin(1);    // [N]
  const torch::Tensor usable = pairs.positive.any(1) & pairs.negative.any(1);
  const torch::Tensor hinge = (margin_ + farthest - nearest).clamp_min(0).masked_fill(~usable, 0);
  return hinge.sum() / usable.sum().clamp_min(1);
}

torch::Tensor MultiSimilarity::loss(const torch::Tensor& x, const torch::Tensor& labels,
                                    const LossOptions&) {
  constexpr double kAlpha = 2, kBeta = 50, kBase = 0.5, kSlack = 0.1;
  const Pairs pairs = pairs_of(x, labels);
  const torch::Tensor cosine = pairs.cosine.detach();
  const torch::Tensor least_positive =
      cosine.masked_fill(~pairs.positive, kInfinity).amin(1, true);  // [N, 1]
  const torch::Tensor most_negative =
      cosine.masked_fill(~pairs.negative, -kInfinity).amax(1, true);  // [N, 1]
  const torch::Tensor hard_positive = pairs.positive & (cosine - kSlack < most_negative);
  const torch::Tensor hard_negative = pairs.negative & (cosine + kSlack > least_positive);
  const auto soft_sum = [&](double factor, const torch::Tensor& mask) {  // log(1 + sum exp), [N]
    const torch::Tensor exponents =
        (factor * (pairs.cosine - kBase)).masked_fill(~mask, -kInfinity);
    const torch::Tensor one = torch::zeros({exponents.size(0), 1}, exponents.options());
    return torch::logsumexp(torch::cat({exponents, one}, 1), 1);
  };
  return (soft_sum(-kAlpha, hard_positive) / kAlpha + soft_sum(kBeta, hard_negative) / kBeta)
      .mean();
}

}  // namespace shoplens
