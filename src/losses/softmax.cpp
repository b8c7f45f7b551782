// SPDX-License-Identifier: Apache-2.0
#include "losses/softmax.h"

#include <torch/nn/init.h>

#include "core/error.h"
#include "nn/full_precision.h"

namespace shoplens {

Softmax::Softmax(int dim, int classes)
    : weight_(register_parameter("weight", torch::empty({classes, dim}))),
      bias_(register_parameter("bias", torch::zeros({classes}))) {
  torch::nn::init::xavier_uniform_(weight_);
}

torch::Tensor Softmax::logits(const torch::Tensor& x) {
  check(x.dim() == 2 && x.size(1) == weight_.size(1), "softmax: want x [N, ", weight_.size(1),
        "], got ", x.sizes());
  const FullPrecision full_precision;
  return torch::linear(x.to(weight_.scalar_type()), weight_, bias_);
}

torch::Tensor Softmax::logits(const torch::Tensor& x, const torch::Tensor&) { return logits(x); }

}  // namespace shoplens
