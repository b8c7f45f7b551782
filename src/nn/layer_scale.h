// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// x [..., C] times gamma [C].
torch::Tensor scale_channels(const torch::Tensor& x, const torch::Tensor& gamma);
Value scale_channels(const Value& x, const torch::Tensor& gamma);

/// A factor for each channel of a residual branch, small at first: scale_channels(x, gamma).
/// Touvron et al. 2021, arXiv:2103.17239, section 2. Key: gamma [C].
struct LayerScaleImpl : torch::nn::Module {
  explicit LayerScaleImpl(std::int64_t channels, double initial);
  template <class V>
  V forward(const V& x) {
    return scale_channels(x, gamma);
  }
  torch::Tensor gamma;
};
TORCH_MODULE(LayerScale);

}  // namespace shoplens
