// SPDX-License-Identifier: Apache-2.0
#include "losses/head.h"

#include <torch/nn/functional/loss.h>

#include "core/error.h"
#include "losses/arcface.h"
#include "losses/softmax.h"

namespace shoplens {
namespace F = torch::nn::functional;

torch::Tensor Head::loss(const torch::Tensor& x, const torch::Tensor& labels,
                         const LossOptions& o) {
  return F::cross_entropy(
      logits(x, labels), labels,
      F::CrossEntropyFuncOptions().label_smoothing(o.label_smoothing).weight(o.class_weights));
}

std::shared_ptr<Head> make_head(const HeadOptions& o) {
  check(o.dim > 0, "head: want dim > 0, got ", o.dim);
  check(o.classes > 0, "head: want classes > 0, got ", o.classes);
  if (o.name == "arcface") return std::make_shared<ArcFace>(o.dim, o.classes, o.scale, o.margin);
  if (o.name == "softmax") return std::make_shared<Softmax>(o.dim, o.classes);
  throw Error(ErrorCode::kBadInput, join("head: want arcface or softmax, got ", o.name));
}

}  // namespace shoplens
