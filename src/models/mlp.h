// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>

#include "nn/activation.h"
#include "nn/linear.h"

namespace shoplens {

/// Four times as wide in between, GELU: x [..., C] -> [..., C]. Keys: fc1.*, fc2.*.
struct Mlp : torch::nn::Module {
  explicit Mlp(std::int64_t channels)
      : fc1(register_module("fc1", Linear(channels, 4 * channels))),
        fc2(register_module("fc2", Linear(4 * channels, channels))) {}
  template <class V>
  V forward(const V& x) {
    return fc2->forward(activate(Activation::kGelu, fc1->forward(x)));
  }
  Linear fc1, fc2;
};

}  // namespace shoplens
