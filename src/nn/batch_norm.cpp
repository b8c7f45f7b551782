// SPDX-License-Identifier: Apache-2.0
#include "nn/batch_norm.h"

#include "nn/batch_norm_act.h"
#include "nn/conv2d.h"

namespace shoplens {

BatchNormImpl::BatchNormImpl(std::int64_t channels, double eps, double momentum)
    : eps(eps),
      momentum(momentum),
      weight(register_parameter("weight", torch::ones({channels}))),
      bias(register_parameter("bias", torch::zeros({channels}))),
      running_mean(register_buffer("running_mean", torch::zeros({channels}))),
      running_var(register_buffer("running_var", torch::ones({channels}))),
      num_batches_tracked(register_buffer("num_batches_tracked", torch::zeros({}, torch::kLong))) {}

torch::Tensor BatchNormImpl::forward(const torch::Tensor& x) {
  return batch_norm_activate(*this, std::nullopt, x);
}

Value BatchNormImpl::forward(const Value& x) {
  const torch::Tensor scale =
      weight.to(torch::kDouble) / (running_var.to(torch::kDouble) + eps).sqrt();
  const torch::Tensor shift = bias.to(torch::kDouble) - running_mean.to(torch::kDouble) * scale;
  return x.graph->affine(x, constant_of(scale).data, constant_of(shift).data);
}

}  // namespace shoplens
