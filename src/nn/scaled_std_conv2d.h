// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "nn/conv2d.h"

namespace shoplens {

/// Convolution with scaled weight standardisation: each filter W, of n = in / groups * kernel^2
/// weights, becomes
///   (W - mean(W)) / sqrt(var(W) + eps) * gain * gamma / sqrt(n)
/// so that activations keep their variance without batch norm.
///   Keys: weight [out, in / groups, kernel, kernel], bias [out], gain [out, 1, 1, 1].
/// `gamma` is a factor of the layer's input (an activation's variance correction) that costs
/// nothing here. Source: Brock, De, Smith 2021, arXiv:2101.08692, eq. 1; timm layers/std_conv.py
/// ScaledStdConv2d(Same).
struct ScaledStdConv2dImpl : torch::nn::Module {
  explicit ScaledStdConv2dImpl(const Conv2dOptions& options, double gamma = 1, double eps = 1e-5);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);  // a plain convolution: the weight is standardised here, in double
  torch::Tensor standardized_weight() const;
  Conv2dOptions options;
  double scale, eps;  // scale = gamma / sqrt(n)
  torch::Tensor weight, bias, gain;
};
TORCH_MODULE(ScaledStdConv2d);

}  // namespace shoplens
