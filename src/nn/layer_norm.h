// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// Layer normalisation of the last dimension, Ba et al. 2016, arXiv:1607.06450: x [..., C] -> [...,
/// C]. Computes in float under autocast. Keys: weight, bias [C].
struct LayerNormImpl : torch::nn::Module {
  explicit LayerNormImpl(std::int64_t channels, double eps = 1e-6);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  double eps;
  torch::Tensor weight, bias;
};
TORCH_MODULE(LayerNorm);

/// [N, C, H, W] -> [N, H, W, C] and back: of a channels_last tensor the same memory.
torch::Tensor channels_to_end(const torch::Tensor& x);
Value channels_to_end(const Value& x);
torch::Tensor channels_to_front(const torch::Tensor& x);
Value channels_to_front(const Value& x);

}  // namespace shoplens
