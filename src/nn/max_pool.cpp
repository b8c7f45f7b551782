// SPDX-License-Identifier: Apache-2.0
#include "nn/max_pool.h"

#include <torch/utils.h>

namespace shoplens {

torch::Tensor max_pool(const torch::Tensor& x, int k, int stride) {
  return torch::max_pool2d(x, k, stride, /*padding=*/(k - 1) / 2);
}
Value max_pool(const Value& x, int k, int stride) {
  return x.graph->max_pool(x, k, stride, /*padding=*/(k - 1) / 2);
}

}  // namespace shoplens
