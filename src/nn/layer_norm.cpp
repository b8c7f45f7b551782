// SPDX-License-Identifier: Apache-2.0
#include "nn/layer_norm.h"

#include "nn/conv2d.h"

namespace shoplens {

LayerNormImpl::LayerNormImpl(std::int64_t channels, double eps)
    : eps(eps),
      weight(register_parameter("weight", torch::ones({channels}))),
      bias(register_parameter("bias", torch::zeros({channels}))) {}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& x) {
  return torch::layer_norm(x, {weight.size(0)}, weight, bias, eps);
}
Value LayerNormImpl::forward(const Value& x) {
  return x.graph->layer_norm(x, constant_of(weight), constant_of(bias), static_cast<float>(eps));
}

torch::Tensor channels_to_end(const torch::Tensor& x) { return x.permute({0, 2, 3, 1}); }
Value channels_to_end(const Value& x) { return x.graph->transpose(x, {0, 2, 3, 1}); }
torch::Tensor channels_to_front(const torch::Tensor& x) { return x.permute({0, 3, 1, 2}); }
Value channels_to_front(const Value& x) { return x.graph->transpose(x, {0, 3, 1, 2}); }

}  // namespace shoplens
