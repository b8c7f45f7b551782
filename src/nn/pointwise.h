// SPDX-License-Identifier: Apache-2.0
// Where a network multiplies nothing, memory is what takes the time: these read and write no value
// more often than they must. For bfloat16 on a CPU by passes of our own, for everything else by
// Torch's operators.
#pragma once
#include <torch/types.h>

#include <functional>

#include "nn/row_kernels.h"
#include "onnx/graph.h"

namespace shoplens {

/// x * Phi(x), Phi the normal distribution's (through erf, not tanh); Hendrycks and Gimpel 2016,
/// arXiv:1606.08415, section 2. Elementwise, any shape.
torch::Tensor exact_gelu(const torch::Tensor& x);
Value exact_gelu(const Value& x);

/// x * gate(mean of x over H and W) + shortcut: the squeeze, the scale and the residual sum around
/// an excitation. x, shortcut [N, C, H, W], the shortcut may be undefined; the mean and what `gate`
/// makes of it [N, C, 1, 1].
/// One pass reads x for the mean, one makes the result; backwards one makes x's gradient, both
/// parts of it. The gate's takes one for bfloat16 x in channels_last on a CPU, with sums in float,
/// of a photo at a time, and else two.
torch::Tensor gate_by_mean(const torch::Tensor& x,
                           const std::function<torch::Tensor(const torch::Tensor&)>& gate,
                           const torch::Tensor& shortcut = {});

// The fused functions themselves on the kernels given, for tests.
torch::Tensor fused_gelu(const torch::Tensor& x, const RowKernels& kernels);
torch::Tensor fused_gate_by_mean(const torch::Tensor& x,
                                 const std::function<torch::Tensor(const torch::Tensor&)>& gate,
                                 const torch::Tensor& shortcut, const RowKernels& kernels);

}  // namespace shoplens
