// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/batch_norm_act.h"
#include "nn/conv2d.h"
#include "nn/drop_path.h"
#include "nn/squeeze_excite.h"

namespace shoplens {

struct InvertedResidualOptions {
  std::int64_t in, mid, out;  // channels; mid == in: no expansion
  int kernel, stride;
  Activation activation;
  SqueezeExciteOptions squeeze_excite{.channels = 0, .reduced = 0};  // reduced 0: none
  bool same = false;                                                 // TensorFlow's padding
  double eps = 1e-5;                                                 // of the norms
  double drop_rate = 0;
};

/// Inverted residual (Sandler et al. 2018, arXiv:1801.04381), or without an expansion
/// depthwise-separable convolution; timm's names, which number the norms in order.
struct InvertedResidual : torch::nn::Module {
  explicit InvertedResidual(const InvertedResidualOptions& o)
      : activation(o.activation), residual(o.stride == 1 && o.in == o.out) {
    const auto conv = [&](Conv2dOptions options) {
      options.same = o.same;
      return Conv2d(options);
    };
    const bool expands = o.mid != o.in;
    if (expands) {
      expand = register_module("conv_pw", conv({.in = o.in, .out = o.mid, .kernel = 1}));
      expand_norm = register_module("bn1", BatchNorm(o.mid, o.eps));
    }
    depthwise = register_module(
        "conv_dw",
        conv({.in = o.mid, .out = o.mid, .kernel = o.kernel, .stride = o.stride, .groups = o.mid}));
    depthwise_norm = register_module(expands ? "bn2" : "bn1", BatchNorm(o.mid, o.eps));
    if (o.squeeze_excite.reduced > 0) gate = register_module("se", SqueezeExcite(o.squeeze_excite));
    project = register_module(expands ? "conv_pwl" : "conv_pw",
                              conv({.in = o.mid, .out = o.out, .kernel = 1}));
    project_norm = register_module(expands ? "bn3" : "bn2", BatchNorm(o.out, o.eps));
    drop_path = register_module("drop_path", DropPath(o.drop_rate));
  }

  // x [N, in, H, W] -> [N, out, ceil(H / stride), ceil(W / stride)]
  template <class V>
  V forward(const V& x) {
    V y = x;
    if (expand) y = norm_activate(expand_norm, activation, expand->forward(y));
    y = norm_activate(depthwise_norm, activation, depthwise->forward(y));
    if (gate) y = gate->forward(y);
    y = project_norm->forward(project->forward(y));
    return residual ? drop_path->forward(y) + x : y;
  }

  Activation activation;
  bool residual;
  Conv2d expand{nullptr}, depthwise{nullptr}, project{nullptr};
  BatchNorm expand_norm{nullptr}, depthwise_norm{nullptr}, project_norm{nullptr};
  SqueezeExcite gate{nullptr};
  DropPath drop_path{nullptr};
};

}  // namespace shoplens
