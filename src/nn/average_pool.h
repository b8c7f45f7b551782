// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// Mean over windows of k x k that lie side by side; a window past the right or bottom edge counts
/// only what it has: x [N, C, H, W] -> y [N, C, ceil(H / k), ceil(W / k)].
torch::Tensor average_pool(const torch::Tensor& x, int k);
Value average_pool(const Value& x, int k);

/// Mean over the whole map: x [N, C, H, W] -> y [N, C, 1, 1].
torch::Tensor global_average_pool(const torch::Tensor& x);
Value global_average_pool(const Value& x);

}  // namespace shoplens
