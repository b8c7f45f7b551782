// SPDX-License-Identifier: Apache-2.0
#include "losses/distillation.h"

#include <torch/nn/functional/normalization.h>

#include "core/error.h"
#include "nn/full_precision.h"

namespace shoplens {

torch::Tensor distillation_loss(const torch::Tensor& x, const torch::Tensor& target) {
  check(x.dim() == 2 && x.sizes() == target.sizes(), "distillation: want x and target [N, D], got ",
        x.sizes(), " and ", target.sizes());
  const FullPrecision full_precision;
  const torch::Tensor unit = torch::nn::functional::normalize(x.to(target.scalar_type()));
  const torch::Tensor there = (target.abs().amax(1) > 0).to(target.scalar_type());  // [N]
  return ((1 - (unit * target).sum(1)) * there).sum() / there.sum().clamp_min(1);
}

}  // namespace shoplens
