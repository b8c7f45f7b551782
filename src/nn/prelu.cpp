// SPDX-License-Identifier: Apache-2.0
#include "nn/prelu.h"

#include "nn/conv2d.h"

namespace shoplens {

PReLUImpl::PReLUImpl() : weight(register_parameter("weight", torch::full({1}, 0.25))) {}
torch::Tensor PReLUImpl::forward(const torch::Tensor& x) { return torch::prelu(x, weight); }
Value PReLUImpl::forward(const Value& x) { return x.graph->prelu(x, constant_of(weight)); }

}  // namespace shoplens
