// SPDX-License-Identifier: Apache-2.0
#include "nn/layer_scale.h"

#include "nn/conv2d.h"

namespace shoplens {

torch::Tensor scale_channels(const torch::Tensor& x, const torch::Tensor& gamma) {
  return x * gamma;
}
Value scale_channels(const Value& x, const torch::Tensor& gamma) {
  return x.graph->binary("Mul", x, constant_of(gamma));
}

LayerScaleImpl::LayerScaleImpl(std::int64_t channels, double initial)
    : gamma(register_parameter("gamma", torch::full({channels}, initial))) {}

}  // namespace shoplens
