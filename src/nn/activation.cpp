// SPDX-License-Identifier: Apache-2.0
#include "nn/activation.h"

#include <cassert>

#include "nn/pointwise.h"

namespace shoplens {
namespace {

Constant scalar(double value) { return {{}, {static_cast<float>(value)}}; }

}  // namespace

Value relu(const Value& x) { return x.graph->unary("Relu", x); }
Value relu6(const Value& x) { return x.graph->clip(x, 0, 6); }
Value sigmoid(const Value& x) { return x.graph->unary("Sigmoid", x); }
Value hard_sigmoid(const Value& x) {
  return relu6(x.graph->binary("Add", x, scalar(3))) * (1.0 / 6);
}
Value silu(const Value& x) { return x * sigmoid(x); }

Value operator+(const Value& a, const Value& b) { return a.graph->binary("Add", a, b); }
Value operator*(const Value& a, const Value& b) { return a.graph->binary("Mul", a, b); }
Value operator*(const Value& x, double factor) { return x.graph->binary("Mul", x, scalar(factor)); }

// In place where autograd needs the result only; silu and gelu would keep a copy of x anyway.
torch::Tensor activate(Activation activation, torch::Tensor x) {
  switch (activation) {
    case Activation::kRelu:
      return x.relu_();
    case Activation::kRelu6:
      return torch::hardtanh_(x, 0, 6);
    case Activation::kSilu:
      return x.requires_grad() ? torch::silu(x) : torch::silu_(x);
    case Activation::kGelu:
      return exact_gelu(x);
    case Activation::kHardSwish:
      return torch::hardswish(x);
  }
  assert(false);
  return x;
}

Value activate(Activation activation, const Value& x) {
  switch (activation) {
    case Activation::kRelu:
      return relu(x);
    case Activation::kRelu6:
      return relu6(x);
    case Activation::kSilu:
      return silu(x);
    case Activation::kGelu:
      return exact_gelu(x);
    case Activation::kHardSwish:
      return x.graph->unary("HardSwish", x);
  }
  assert(false);
  return x;
}

}  // namespace shoplens
