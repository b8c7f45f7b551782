// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// max(x, 0) + weight * min(x, 0), one learned slope for all channels; He et al. 2015,
/// arXiv:1502.01852. Key: weight [1].
struct PReLUImpl : torch::nn::Module {
  PReLUImpl();
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  torch::Tensor weight;
};
TORCH_MODULE(PReLU);

}  // namespace shoplens
