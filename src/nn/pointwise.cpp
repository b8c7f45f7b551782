// SPDX-License-Identifier: Apache-2.0
#include "nn/pointwise.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "nn/activation.h"

namespace shoplens {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;
constexpr std::int64_t kPiece = 32768;  // values: worth a thread, and whole vectors

// Bfloat16 and at::BFloat16 are the same 16 bits.
const Bfloat16* values_of(const torch::Tensor& tensor) {
  return static_cast<const Bfloat16*>(tensor.const_data_ptr());
}
Bfloat16* writable(torch::Tensor& tensor) {
  return static_cast<Bfloat16*>(tensor.mutable_data_ptr());
}

bool is_bfloat16(const torch::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == torch::kBFloat16 && x.numel() > 0;
}

// work(first value, how many), the same pieces for any number of threads.
template <class Work>
void for_pieces(std::int64_t count, const Work& work) {
  at::parallel_for(0, (count + kPiece - 1) / kPiece, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t piece = begin; piece < end; ++piece)
      work(piece * kPiece, std::min(kPiece, count - piece * kPiece));
  });
}

class Gelu : public torch::autograd::Function<Gelu> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const RowKernels* kernels) {
    context->save_for_backward({x});
    context->saved_data["kernels"] = place_of(*kernels);
    torch::Tensor y = torch::empty_like(x);
    for_pieces(x.numel(), [&](std::int64_t at, std::int64_t count) {
      kernels->pointwise.gelu(count, values_of(x) + at, writable(y) + at);
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    check(!at::GradMode::is_enabled(), "gelu: want a first derivative, got a second");
    const torch::Tensor x = context->get_saved_variables()[0];
    const RowKernels& kernels = row_kernels_at(context->saved_data["kernels"].toInt());
    torch::Tensor dx = torch::empty_like(x);
    // Laid out as x, whatever a sum of gradients is.
    const torch::Tensor dy = gradients[0].strides() == x.strides()
                                 ? gradients[0]
                                 : torch::empty_like(x).copy_(gradients[0]);
    for_pieces(x.numel(), [&](std::int64_t at, std::int64_t count) {
      kernels.pointwise.gelu_backward(count, values_of(x) + at, values_of(dy) + at,
                                      writable(dx) + at);
    });
    return {dx, {}};
  }
};

// work(photo's number, its first value, its first channel's number, its shape)
template <class Work>
void for_photos(const torch::Tensor& x, const Work& work) {
  const RowShape shape{x.size(2) * x.size(3), x.size(1)};
  at::parallel_for(0, x.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n)
      work(n * shape.rows * shape.channels, n * shape.channels, shape);
  });
}

// What the product leaves for the mean, whose backward comes after: together they are x's gradient,
// which is so written once and not added up from two.
struct Product : torch::CustomClassHolder {
  explicit Product(const RowKernels& kernels) : passes(kernels.pointwise) {}
  const PointwisePasses& passes;
  torch::Tensor dy, factor;  // factor: the gate in float
};
typedef c10::intrusive_ptr<Product> SharedProduct;

SharedProduct product_of(AutogradContext* context) {
  return c10::static_intrusive_pointer_cast<Product>(context->saved_data["product"].toCapsule());
}

class Mean : public torch::autograd::Function<Mean> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const SharedProduct& product) {
    context->save_for_backward({x});
    context->saved_data["product"] = c10::IValue::make_capsule(product);
    torch::Tensor sum = torch::zeros({x.size(0), x.size(1), 1, 1}, torch::kFloat);
    float* const sums = sum.mutable_data_ptr<float>();
    for_photos(x, [&](std::int64_t at, std::int64_t channel, RowShape shape) {
      product->passes.sum(shape, values_of(x) + at, sums + channel);
    });
    return sum.div_(x.size(2) * x.size(3)).to(x.scalar_type());
  }

  // With y = x * gate(mean):  dx = dy * gate + dmean / (H * W).
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    check(!at::GradMode::is_enabled(), "gate_by_mean: want a first derivative, got a second");
    const torch::Tensor x = context->get_saved_variables()[0];
    const SharedProduct product = product_of(context);
    check(product->dy.defined(), "gate_by_mean: the mean is for the gate alone");
    const torch::Tensor shift =
        gradients[0].to(torch::kFloat).contiguous() / (x.size(2) * x.size(3));
    torch::Tensor dx = torch::empty_like(x);
    const float* const factor = product->factor.const_data_ptr<float>();
    const float* const base = shift.const_data_ptr<float>();
    for_photos(x, [&](std::int64_t at, std::int64_t channel, RowShape shape) {
      product->passes.scale(shape, values_of(product->dy) + at, factor + channel, base + channel,
                            nullptr, writable(dx) + at);
    });
    product->dy.reset();
    return {dx, {}};
  }
};

// `x` is detached: its gradient goes through Mean.
class Gated : public torch::autograd::Function<Gated> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& gate,
                               const std::optional<torch::Tensor>& shortcut,
                               const SharedProduct& product) {
    product->factor = gate.detach().to(torch::kFloat).contiguous();
    context->save_for_backward({x});
    context->saved_data["product"] = c10::IValue::make_capsule(product);
    context->saved_data["type"] = gate.scalar_type();
    context->saved_data["residual"] = shortcut.has_value();
    torch::Tensor y = torch::empty_like(x);
    const float* const factor = product->factor.const_data_ptr<float>();
    for_photos(x, [&](std::int64_t at, std::int64_t channel, RowShape shape) {
      product->passes.scale(shape, values_of(x) + at, factor + channel, nullptr,
                            shortcut ? values_of(*shortcut) + at : nullptr, writable(y) + at);
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    check(!at::GradMode::is_enabled(), "gate_by_mean: want a first derivative, got a second");
    const torch::Tensor x = context->get_saved_variables()[0];
    const SharedProduct product = product_of(context);
    product->dy = gradients[0].contiguous(kChannelsLast);
    torch::Tensor dgate = torch::zeros({x.size(0), x.size(1), 1, 1}, torch::kFloat);
    float* const sums = dgate.mutable_data_ptr<float>();
    for_photos(x, [&](std::int64_t at, std::int64_t channel, RowShape shape) {
      product->passes.dot(shape, values_of(x) + at, values_of(product->dy) + at, sums + channel);
    });
    return {{},
            dgate.to(context->saved_data["type"].toScalarType()),
            context->saved_data["residual"].toBool() ? product->dy : torch::Tensor(),
            {}};
  }
};

bool in_rows(const torch::Tensor& x) {
  return is_bfloat16(x) && x.dim() == 4 && x.is_contiguous(kChannelsLast);
}

}  // namespace

torch::Tensor fused_gelu(const torch::Tensor& x, const RowKernels& kernels) {
  return Gelu::apply(x, &kernels);
}

torch::Tensor exact_gelu(const torch::Tensor& x) {
  return is_bfloat16(x) && x.is_non_overlapping_and_dense() ? fused_gelu(x, fastest_row_kernels())
                                                            : torch::gelu(x);
}

// The order of operators that runtimes know as one: (x * (erf(x / sqrt 2) + 1)) * 0.5.
Value exact_gelu(const Value& x) {
  Graph& graph = *x.graph;
  const auto scalar = [](double value) { return Constant{{}, {static_cast<float>(value)}}; };
  const Value erf = graph.unary("Erf", graph.binary("Div", x, scalar(std::sqrt(2.0))));
  return x * graph.binary("Add", erf, scalar(1)) * 0.5;
}

torch::Tensor fused_gate_by_mean(const torch::Tensor& x,
                                 const std::function<torch::Tensor(const torch::Tensor&)>& gate,
                                 const torch::Tensor& shortcut, const RowKernels& kernels) {
  const auto product = c10::make_intrusive<Product>(kernels);
  const torch::Tensor factor = gate(Mean::apply(x, product));
  check(factor.numel() == x.size(0) * x.size(1), "gate_by_mean: want a gate [N, C, 1, 1], got ",
        factor.sizes());
  // Else x would get no gradient at all.
  check(factor.requires_grad() || !at::GradMode::is_enabled() || !x.requires_grad(),
        "gate_by_mean: want a gate that is made of the mean, got one without a gradient");
  return Gated::apply(x.detach(), factor,
                      shortcut.defined() ? std::optional(shortcut) : std::nullopt, product);
}

torch::Tensor gate_by_mean(const torch::Tensor& x,
                           const std::function<torch::Tensor(const torch::Tensor&)>& gate,
                           const torch::Tensor& shortcut) {
  if (in_rows(x) && (!shortcut.defined() || (in_rows(shortcut) && shortcut.sizes() == x.sizes())))
    return fused_gate_by_mean(x, gate, shortcut, fastest_row_kernels());
  const torch::Tensor factor = gate(x.mean({2, 3}, /*keepdim=*/true));
  return shortcut.defined() ? torch::addcmul(shortcut, x, factor) : x * factor;
}

}  // namespace shoplens
