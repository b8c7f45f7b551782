// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

#include <vector>

#include "nn/depthwise_kernels.h"

namespace shoplens {

struct DepthwiseOptions {
  int stride = 1;
  int top = 0, left = 0, bottom = 0, right = 0;  // rows and columns of zeros around x, >= 0
};

/// The loops that this processor can run, slowest first.
const std::vector<const DepthwiseKernels*>& depthwise_kernels();

/// Depthwise 2-d convolution on the CPU, for inference and training (once differentiable):
///   y[n,c,i,j] = bias[c] + sum over k, l of weight[c,0,k,l] * x[n, c, i*stride+k-top,
///   j*stride+l-left] x [N, C, H, W] -> y [N, C, (H+top+bottom-k)/stride + 1,
///   (W+left+right-k)/stride + 1], channels last; weight [C, 1, k, k], k <= 64; bias [C] or
///   undefined
/// x is float32 or bfloat16, and under autocast cast as for any convolution; y has its type. Sums
/// are float32. Unlike autocast's convolution, this one does not round float32 weights to
/// bfloat16. A result does not depend on the number of threads.
torch::Tensor depthwise_conv2d(const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const DepthwiseOptions& options,
                               const DepthwiseKernels& kernels = *depthwise_kernels().back());

}  // namespace shoplens
