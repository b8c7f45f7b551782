// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// x [N, in] -> x weight^T + bias [N, out], initialised as PyTorch's. Keys: weight [out, in], bias
/// [out].
struct LinearImpl : torch::nn::Module {
  LinearImpl(std::int64_t in, std::int64_t out);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  torch::Tensor weight, bias;
};
TORCH_MODULE(Linear);

}  // namespace shoplens
