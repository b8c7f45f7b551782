// SPDX-License-Identifier: Apache-2.0
#include "nn/squeeze_excite.h"

namespace shoplens {

SqueezeExciteImpl::SqueezeExciteImpl(const SqueezeExciteOptions& o)
    : activation(o.activation),
      reduce(register_module(
          o.reduce_name,
          Conv2d(Conv2dOptions{.in = o.channels, .out = o.reduced, .kernel = 1, .bias = true}))),
      expand(register_module(
          o.expand_name,
          Conv2d(Conv2dOptions{.in = o.reduced, .out = o.channels, .kernel = 1, .bias = true}))) {}

torch::Tensor SqueezeExciteImpl::gate(const torch::Tensor& x) {
  return expand->forward(activate(activation, reduce->forward(x.mean({2, 3}, /*keepdim=*/true))))
      .sigmoid_();
}

Value SqueezeExciteImpl::gate(const Value& x) {
  return sigmoid(
      expand->forward(activate(activation, reduce->forward(x.graph->global_average_pool(x)))));
}

torch::Tensor SqueezeExciteImpl::forward(const torch::Tensor& x) { return x * gate(x); }
Value SqueezeExciteImpl::forward(const Value& x) { return x * gate(x); }

}  // namespace shoplens
