// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// Largest value in windows of k x k, `stride` apart, with (k - 1) / 2 on each side that never
/// count: x [N, C, H, W] -> y [N, C, ceil(H / stride), ceil(W / stride)] for odd k.
torch::Tensor max_pool(const torch::Tensor& x, int k, int stride);
Value max_pool(const Value& x, int k, int stride);

}  // namespace shoplens
