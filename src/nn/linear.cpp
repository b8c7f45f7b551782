// SPDX-License-Identifier: Apache-2.0
#include "nn/linear.h"

#include <torch/nn/init.h>

#include <cmath>

#include "nn/conv2d.h"

namespace shoplens {

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out)
    : weight(register_parameter("weight", torch::empty({out, in}))),
      bias(register_parameter("bias", torch::empty({out}))) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  torch::nn::init::uniform_(weight, -bound, bound);
  torch::nn::init::uniform_(bias, -bound, bound);
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) { return torch::linear(x, weight, bias); }
Value LinearImpl::forward(const Value& x) {
  return x.graph->linear(x, constant_of(weight), constant_of(bias));
}

}  // namespace shoplens
