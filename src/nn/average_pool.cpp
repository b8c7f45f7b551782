// SPDX-License-Identifier: Apache-2.0
#include "nn/average_pool.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/functional/pooling.h>

namespace shoplens {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

torch::Tensor pool(const torch::Tensor& x, int k) {
  return torch::avg_pool2d(x, k, k, /*padding=*/0, /*ceil_mode=*/true, /*count_include_pad=*/false);
}

// Of whole windows side by side the gradient is an enlargement, which takes a GPU far less than the
// kernel of avg_pool2d, whose windows may overlap, and a CPU less in bfloat16.
class WholeWindows : public torch::autograd::Function<WholeWindows> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, std::int64_t k) {
    context->saved_data["k"] = k;
    return pool(x, static_cast<int>(k));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const std::int64_t k = context->saved_data["k"].toInt();
    const torch::Tensor& dy = gradients[0];
    return {torch::upsample_nearest2d(dy / (k * k), {k * dy.size(2), k * dy.size(3)}), {}};
  }
};

}  // namespace

torch::Tensor average_pool(const torch::Tensor& x, int k) {
  const bool whole = x.size(2) % k == 0 && x.size(3) % k == 0;
  return whole ? WholeWindows::apply(x, k) : pool(x, k);
}
Value average_pool(const Value& x, int k) {
  return x.graph->average_pool(x, k, k, /*same=*/false, /*ceil_mode=*/true);
}

torch::Tensor global_average_pool(const torch::Tensor& x) {
  return x.mean({2, 3}, /*keepdim=*/true);
}
Value global_average_pool(const Value& x) { return x.graph->global_average_pool(x); }

}  // namespace shoplens
