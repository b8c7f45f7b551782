// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "nn/activation.h"
#include "nn/conv2d.h"

namespace shoplens {

struct SqueezeExciteOptions {
  std::int64_t channels, reduced;
  Activation activation = Activation::kSilu;
  const char* reduce_name = "conv_reduce";  // timm's SEModule calls them fc1 and fc2
  const char* expand_name = "conv_expand";
  bool hard_gate = false;  // hard_sigmoid for sigmoid: MobileNetV3
};

/// Squeeze and excitation, Hu et al. 2018, arXiv:1709.01507:
///   y = x * sigmoid(expand(act(reduce(mean of x over H and W))))
///   x [N, C, H, W] -> y [N, C, H, W]
/// Keys: conv_reduce.{weight, bias}, conv_expand.{weight, bias}, both 1 x 1 convolutions.
struct SqueezeExciteImpl : torch::nn::Module {
  explicit SqueezeExciteImpl(const SqueezeExciteOptions& options);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  /// The factors alone, [N, C, 1, 1], of the mean over H and W, or of x: further ones are cheap
  /// there.
  torch::Tensor excite(const torch::Tensor& mean);
  Value gate(const Value& x);
  Activation activation;
  bool hard_gate;
  Conv2d reduce, expand;
};
TORCH_MODULE(SqueezeExcite);

}  // namespace shoplens
