// SPDX-License-Identifier: Apache-2.0
#include "losses/arcface.h"

#include <torch/nn/functional/normalization.h>
#include <torch/nn/init.h>

#include <cmath>

#include "core/error.h"
#include "nn/full_precision.h"

namespace shoplens {
namespace {

// A row shorter than this keeps its direction's share only: else a zero row's gradient would be
// infinite.
constexpr double kShortest = 1e-6;

torch::Tensor unit_rows(const torch::Tensor& x) {
  return torch::nn::functional::normalize(
      x, torch::nn::functional::NormalizeFuncOptions().eps(kShortest));
}

}  // namespace

ArcFace::ArcFace(int dim, int classes, double scale, double margin)
    : scale_(scale),
      margin_(margin),
      weight_(register_parameter("weight", torch::empty({classes, dim}))) {
  check(scale > 0, "arcface: want scale > 0, got ", scale);
  check(margin >= 0 && margin < M_PI_2, "arcface: want margin in [0, pi / 2), got ", margin);
  torch::nn::init::xavier_uniform_(weight_);
}

torch::Tensor ArcFace::cosine(const torch::Tensor& x) const {
  check(x.dim() == 2 && x.size(1) == weight_.size(1), "arcface: want x [N, ", weight_.size(1),
        "], got ", x.sizes());
  const FullPrecision full_precision;
  return unit_rows(x.to(weight_.scalar_type())).mm(unit_rows(weight_).t());
}

torch::Tensor ArcFace::logits(const torch::Tensor& x) { return scale_ * cosine(x); }

torch::Tensor ArcFace::logits(const torch::Tensor& x, const torch::Tensor& labels) {
  const torch::Tensor index = labels.unsqueeze(1), all = cosine(x);  // [N, 1], [N, K]
  const torch::Tensor target = all.gather(1, index);                 // [N, 1]
  // Rounding can take |cos| past 1, and the root's slope is infinite at 0: both would end in NaN.
  const torch::Tensor sine = (1 - target.square()).clamp_min(1e-7).sqrt();
  const torch::Tensor shifted =
      target * std::cos(margin_) - sine * std::sin(margin_);  // cos(theta + m)
  const torch::Tensor tail = target - margin_ * std::sin(margin_);
  return scale_ * all.scatter(1, index, torch::where(target > -std::cos(margin_), shifted, tail));
}

}  // namespace shoplens
