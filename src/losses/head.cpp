// SPDX-License-Identifier: Apache-2.0
#include "losses/head.h"

#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "losses/adaface.h"
#include "losses/arcface.h"
#include "losses/cosface.h"
#include "losses/pair_losses.h"
#include "losses/softmax.h"

namespace shoplens {
namespace F = torch::nn::functional;

torch::Tensor Head::logits(const torch::Tensor&) {
  throw Error(ErrorCode::kUnsupported,
              "head: want one with a score for each class, this compares pairs of photos");
}

torch::Tensor ClassifierHead::loss(const torch::Tensor& x, const torch::Tensor& labels,
                                   const LossOptions& o) {
  return cross_entropy(logits(x, labels), labels, o);
}

torch::Tensor ClassifierHead::cross_entropy(const torch::Tensor& logits,
                                            const torch::Tensor& labels, const LossOptions& o) {
  return F::cross_entropy(
      logits, labels,
      F::CrossEntropyFuncOptions().label_smoothing(o.label_smoothing).weight(o.class_weights));
}

const std::vector<std::string>& head_names() {
  static const std::vector<std::string> names{"arcface", "cosface", "adaface",
                                              "softmax", "triplet", "multi-similarity"};
  return names;
}

std::shared_ptr<Head> make_head(const HeadOptions& o) {
  check(o.dim > 0, "head: want dim > 0, got ", o.dim);
  check(o.classes > 0, "head: want classes > 0, got ", o.classes);
  check(o.margins.empty() || o.margins.size() == static_cast<std::size_t>(o.classes),
        "head: want a margin for each of ", o.classes, " classes, got ", o.margins.size());
  const CosineOptions cosine{o.dim, o.classes, o.scale, o.subcenters, o.sample_rate};
  const auto margins = o.margins.empty() ? std::vector<double>(o.classes, o.margin) : o.margins;
  if (o.name == "arcface") return std::make_shared<ArcFace>(cosine, margins);
  if (o.name == "cosface") return std::make_shared<CosFace>(cosine, margins);
  if (o.name == "adaface") return std::make_shared<AdaFace>(cosine, o.margin);
  if (o.name == "softmax") return std::make_shared<Softmax>(o.dim, o.classes);
  if (o.name == "triplet") return std::make_shared<Triplet>(o.margin);
  if (o.name == "multi-similarity") return std::make_shared<MultiSimilarity>();
  std::string list;
  for (const std::string& name : head_names()) list += (list.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::kBadInput, join("head: want one of ", list, ", got ", o.name));
}

std::vector<double> margins_by_count(const std::vector<std::int64_t>& counts, double common,
                                     double rare) {
  check(!counts.empty(), "margins: want classes, got none");
  const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
  check(*fewest > 0, "margins: want photos of each class, got a class without");
  const double at_most = std::pow(*most, -0.25), at_fewest = std::pow(*fewest, -0.25);
  std::vector<double> margins;
  for (const std::int64_t n : counts) {
    const double share =
        at_fewest > at_most ? (std::pow(n, -0.25) - at_most) / (at_fewest - at_most) : 0;
    margins.push_back(common + (rare - common) * share);
  }
  return margins;
}

}  // namespace shoplens
