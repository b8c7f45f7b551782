// SPDX-License-Identifier: Apache-2.0
#include "nn/average_pool.h"

#include <torch/nn/functional/pooling.h>

namespace shoplens {

torch::Tensor average_pool(const torch::Tensor& x, int k) {
  return torch::avg_pool2d(x, k, k, /*padding=*/0, /*ceil_mode=*/true, /*count_include_pad=*/false);
}
Value average_pool(const Value& x, int k) {
  return x.graph->average_pool(x, k, k, /*same=*/false, /*ceil_mode=*/true);
}

torch::Tensor global_average_pool(const torch::Tensor& x) {
  return x.mean({2, 3}, /*keepdim=*/true);
}
Value global_average_pool(const Value& x) { return x.graph->global_average_pool(x); }

}  // namespace shoplens
