// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// Stochastic depth, Huang et al. 2016, arXiv:1603.09382, for the branch of a residual block: in
/// training each sample of x is set to 0 with probability `rate`, the others are divided by 1 -
/// rate; otherwise x as it is.
///   x [N, ...] -> y [N, ...]; draws from Torch's global generator. No keys.
struct DropPathImpl : torch::nn::Module {
  explicit DropPathImpl(double rate);  // throws kBadInput unless 0 <= rate < 1
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  double rate;
};
TORCH_MODULE(DropPath);

}  // namespace shoplens
