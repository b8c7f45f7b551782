// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

struct Conv2dOptions {
  std::int64_t in, out;
  int kernel;
  int stride = 1;
  std::int64_t groups = 1;
  bool bias = false;
  bool same = false;   // TensorFlow SAME padding (more at the right and bottom)
  bool valid = false;  // no padding; with neither, (kernel - 1) / 2 on each side

  int padding() const { return valid ? 0 : (kernel - 1) / 2; }  // unless `same`
};

/// 2-d convolution, padded as timm pads: x [N, in, H, W] -> y [N, out, ceil(H / stride), ceil(W /
/// stride)], with `valid` [N, out, (H - kernel) / stride + 1, ...]. Keys: weight [out, in / groups,
/// kernel, kernel], bias [out]. Like every layer here, it also writes itself into an ONNX graph:
/// forward(Value).
struct Conv2dImpl : torch::nn::Module {
  explicit Conv2dImpl(const Conv2dOptions& options);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);
  Conv2dOptions options;
  torch::Tensor weight, bias;
};
TORCH_MODULE(Conv2d);

/// The convolution of x with another weight than the layer's own (a standardised one), padded as
/// `options` says.
torch::Tensor conv2d(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const Conv2dOptions& options);
Value conv2d(const Value& x, const torch::Tensor& weight, const torch::Tensor& bias,
             const Conv2dOptions& options);

/// The tensor's values in row-major order, for a graph; empty for an undefined tensor.
Constant constant_of(const torch::Tensor& tensor);

}  // namespace shoplens
