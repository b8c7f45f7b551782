// SPDX-License-Identifier: Apache-2.0
#include "nn/squeeze_excite.h"

#include "nn/pointwise.h"

namespace shoplens {

SqueezeExciteImpl::SqueezeExciteImpl(const SqueezeExciteOptions& o)
    : activation(o.activation),
      hard_gate(o.hard_gate),
      reduce(register_module(
          o.reduce_name,
          Conv2d(Conv2dOptions{.in = o.channels, .out = o.reduced, .kernel = 1, .bias = true}))),
      expand(register_module(
          o.expand_name,
          Conv2d(Conv2dOptions{.in = o.reduced, .out = o.channels, .kernel = 1, .bias = true}))) {}

torch::Tensor SqueezeExciteImpl::excite(const torch::Tensor& mean) {
  const torch::Tensor y = expand->forward(activate(activation, reduce->forward(mean)));
  return hard_gate ? torch::hardsigmoid(y) : y.sigmoid();
}

Value SqueezeExciteImpl::gate(const Value& x) {
  const Value y =
      expand->forward(activate(activation, reduce->forward(x.graph->global_average_pool(x))));
  return hard_gate ? hard_sigmoid(y) : sigmoid(y);
}

torch::Tensor SqueezeExciteImpl::forward(const torch::Tensor& x) {
  return gate_by_mean(x, [this](const torch::Tensor& mean) { return excite(mean); });
}
Value SqueezeExciteImpl::forward(const Value& x) { return x * gate(x); }

}  // namespace shoplens
