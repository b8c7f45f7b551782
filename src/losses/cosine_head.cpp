// SPDX-License-Identifier: Apache-2.0
#include "losses/cosine_head.h"

#include <torch/nn/functional/normalization.h>
#include <torch/nn/init.h>

#include <algorithm>
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

CosineHead::CosineHead(const CosineOptions& options) : options_(options) {
  check(options.scale > 0, "head: want scale > 0, got ", options.scale);
  check(options.subcenters > 0, "head: want subcenters > 0, got ", options.subcenters);
  check(options.sample_rate > 0 && options.sample_rate <= 1,
        "head: want sample_rate above 0 and at most 1, got ", options.sample_rate);
  weight_ = register_parameter(
      "weight", torch::empty({std::int64_t{options.classes} * options.subcenters, options.dim}));
  torch::nn::init::xavier_uniform_(weight_);
}

torch::Tensor CosineHead::cosine(const torch::Tensor& x, const torch::Tensor& centers) const {
  check(x.dim() == 2 && x.size(1) == centers.size(1), "head: want x [N, ", centers.size(1),
        "], got ", x.sizes());
  const FullPrecision full_precision;
  const torch::Tensor all = unit_rows(x.to(centers.scalar_type())).mm(unit_rows(centers).t());
  return options_.subcenters == 1 ? all : all.view({x.size(0), -1, options_.subcenters}).amax(2);
}

std::optional<LinearScores> CosineHead::linear_scores() const {
  if (options_.subcenters > 1) return std::nullopt;
  return LinearScores{unit_rows(weight_.detach()), torch::zeros({options_.classes}), true};
}

torch::Tensor CosineHead::logits(const torch::Tensor& x) {
  return options_.scale * cosine(x, weight_);
}

torch::Tensor CosineHead::logits(const torch::Tensor& x, const torch::Tensor& labels) {
  return logits(cosine(x, weight_), labels, labels, x);
}

torch::Tensor CosineHead::logits(const torch::Tensor& cosines, const torch::Tensor& columns,
                                 const torch::Tensor& labels, const torch::Tensor& x) {
  const torch::Tensor index = columns.unsqueeze(1);  // [N, 1]
  return options_.scale *
         cosines.scatter(1, index, with_margin(cosines.gather(1, index), labels, x));
}

torch::Tensor CosineHead::loss(const torch::Tensor& x, const torch::Tensor& labels,
                               const LossOptions& o) {
  if (options_.sample_rate == 1 || !is_training()) return ClassifierHead::loss(x, labels, o);
  const torch::Tensor classes = sample_classes(labels);
  const torch::Tensor columns = torch::searchsorted(classes, labels);  // [N]
  LossOptions of_sample = o;
  if (o.class_weights.defined()) of_sample.class_weights = o.class_weights.index_select(0, classes);
  return cross_entropy(logits(cosine(x, centers_of(classes)), columns, labels, x), columns,
                       of_sample);
}

torch::Tensor CosineHead::sample_classes(const torch::Tensor& labels) const {
  const auto wanted = static_cast<std::int64_t>(std::ceil(options_.sample_rate * options_.classes));
  torch::Tensor order = torch::rand({options_.classes}, labels.options().dtype(torch::kFloat));
  order.index_fill_(0, labels, 2);  // the batch's own come first
  const torch::Tensor own = std::get<0>(at::_unique(labels));
  const std::int64_t count = std::max(wanted, own.size(0));
  return std::get<0>(std::get<1>(order.topk(count)).sort());
}

torch::Tensor CosineHead::centers_of(const torch::Tensor& classes) const {
  const std::int64_t c = options_.subcenters;
  const torch::Tensor rows =
      (classes.unsqueeze(1) * c + torch::arange(c, classes.options())).flatten();  // [M * C]
  return torch::embedding(weight_, rows, /*padding_idx=*/-1, /*scale_grad_by_freq=*/false,
                          /*sparse=*/true);
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
