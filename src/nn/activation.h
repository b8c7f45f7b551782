// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

// What Torch offers for a tensor, for a name in a graph: generic code writes `silu(x) + y` for
// both, and the argument's type picks at::silu or the one here.
Value relu(const Value& x);
Value relu6(const Value& x);  // min(max(x, 0), 6)
Value silu(const Value& x);   // x * sigmoid(x)
Value sigmoid(const Value& x);
Value hard_sigmoid(const Value& x);  // relu6(x + 3) / 6
Value operator+(const Value& a, const Value& b);
Value operator*(const Value& a, const Value& b);  // shapes broadcast
Value operator*(const Value& x, double factor);

/// An activation chosen by a table's row.
enum class Activation { kRelu, kRelu6, kSilu, kGelu, kHardSwish };

/// activation(x), elementwise. The tensor's may overwrite x, which saves a copy: give it a value
/// nothing else reads.
torch::Tensor activate(Activation activation, torch::Tensor x);
Value activate(Activation activation, const Value& x);

}  // namespace shoplens
