// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// Batch normalisation over every dimension but 1, for x [N, C] and [N, C, H, W] alike; Ioffe and
/// Szegedy 2015, arXiv:1502.03167. In a graph it is a scale and a shift, folded into the layer
/// before it. Keys: weight, bias, running_mean, running_var [C], num_batches_tracked [].
struct BatchNormImpl : torch::nn::Module {
  explicit BatchNormImpl(std::int64_t channels, double eps = 1e-5, double momentum = 0.1);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  double eps, momentum;
  torch::Tensor weight, bias, running_mean, running_var, num_batches_tracked;
};
TORCH_MODULE(BatchNorm);

}  // namespace shoplens
