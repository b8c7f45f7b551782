// SPDX-License-Identifier: Apache-2.0
#include "nn/scaled_std_conv2d.h"

#include <torch/nn/init.h>

#include <cmath>

namespace shoplens {
namespace {

double fan_in(const Conv2dOptions& o) {
  return static_cast<double>(o.in / o.groups) * o.kernel * o.kernel;
}

}  // namespace

ScaledStdConv2dImpl::ScaledStdConv2dImpl(const Conv2dOptions& o, double gamma, double eps)
    : options(o),
      scale(gamma / std::sqrt(fan_in(o))),
      eps(eps),
      weight(
          register_parameter("weight", torch::empty({o.out, o.in / o.groups, o.kernel, o.kernel}))),
      bias(o.bias ? register_parameter("bias", torch::zeros({o.out})) : torch::Tensor()),
      gain(register_parameter("gain", torch::ones({o.out, 1, 1, 1}))) {
  torch::nn::init::normal_(weight, 0, 1 / std::sqrt(fan_in(o)));
}

torch::Tensor ScaledStdConv2dImpl::standardized_weight() const {
  // Batch norm over filters in the place of channels: the same arithmetic, fused, with its
  // backward. A filter's values in the order they lie in, so that nothing is copied.
  const bool channels_last =
      !weight.is_contiguous() && weight.is_contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor filters = channels_last ? weight.permute({0, 2, 3, 1}) : weight;
  const torch::Tensor standardized =
      torch::batch_norm(filters.reshape({1, options.out, -1}), (gain * scale).flatten(), {}, {}, {},
                        /*training=*/true, /*momentum=*/0, eps, /*cudnn_enabled=*/false)
          .reshape_as(filters);
  return channels_last ? standardized.permute({0, 3, 1, 2}) : standardized;
}

torch::Tensor ScaledStdConv2dImpl::forward(const torch::Tensor& x) {
  return conv2d(x, standardized_weight(), bias, options);
}

Value ScaledStdConv2dImpl::forward(const Value& x) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor w = weight.to(torch::kDouble);
  const torch::Tensor centred = w - w.mean({1, 2, 3}, /*keepdim=*/true);
  const torch::Tensor deviation =
      (centred.square().mean({1, 2, 3}, /*keepdim=*/true) + eps).sqrt();  // [out, 1, 1, 1]
  return conv2d(x, centred / deviation * (gain.to(torch::kDouble) * scale), bias, options);
}

}  // namespace shoplens
