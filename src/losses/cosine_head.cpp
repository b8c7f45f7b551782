// SPDX-License-Identifier: Apache-2.0
#include "losses/cosine_head.h"

#include <torch/nn/functional/normalization.h>
#include <torch/nn/init.h>

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

CosineHead::CosineHead(const CosineOptions& options) : options_(options) {
  check(options.scale > 0, "head: want scale > 0, got ", options.scale);
  check(options.subcenters > 0, "head: want subcenters > 0, got ", options.subcenters);
  weight_ = register_parameter(
      "weight", torch::empty({std::int64_t{options.classes} * options.subcenters, options.dim}));
  torch::nn::init::xavier_uniform_(weight_);
}

torch::Tensor CosineHead::cosine(const torch::Tensor& x) const {
  check(x.dim() == 2 && x.size(1) == weight_.size(1), "head: want x [N, ", weight_.size(1),
        "], got ", x.sizes());
  const FullPrecision full_precision;
  const torch::Tensor all = unit_rows(x.to(weight_.scalar_type())).mm(unit_rows(weight_).t());
  return options_.subcenters == 1
             ? all
             : all.view({x.size(0), options_.classes, options_.subcenters}).amax(2);
}

std::optional<LinearScores> CosineHead::linear_scores() const {
  if (options_.subcenters > 1) return std::nullopt;
  return LinearScores{unit_rows(weight_.detach()), torch::zeros({options_.classes}), true};
}

torch::Tensor CosineHead::logits(const torch::Tensor& x) { return options_.scale * cosine(x); }

torch::Tensor CosineHead::logits(const torch::Tensor& x, const torch::Tensor& labels) {
  const torch::Tensor index = labels.unsqueeze(1), all = cosine(x);  // [N, 1], [N, K]
  return options_.scale * all.scatter(1, index, with_margin(all.gather(1, index), labels, x));
}

torch::Tensor checked_margins(const std::vector<double>& margins, int classes, double below,
                              const char* head) {
  check(margins.size() == static_cast<std::size_t>(classes), head, ": want ", classes,
        " margins, got ", margins.size());
  for (const double m : margins)
    check(m >= 0 && m < below, head, ": want margin in [0, ", below, "), got ", m);
  return torch::tensor(margins, torch::kDouble);
}

}  // namespace shoplens
