// SPDX-License-Identifier: Apache-2.0
#include "nn/pointwise.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

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

bool in_rows(const torch::Tensor& x) {
  return is_bfloat16(x) && x.dim() == 4 && x.is_contiguous(kChannelsLast);
}

// What gate_by_mean does with whole photos.
class GatePasses {
 public:
  virtual ~GatePasses() = default;
  // [N, C, 1, 1], over H and W, in x's type.
  virtual torch::Tensor mean(const torch::Tensor& x) const = 0;
  // x * factor + addend, laid out as x; factor [N, C, 1, 1]; addend [N, C, 1, 1], as x or
  // undefined.
  virtual torch::Tensor scale(const torch::Tensor& x, const torch::Tensor& factor,
                              const torch::Tensor& addend) const = 0;
  // [N, C, 1, 1], the sum of x * y over H and W.
  virtual torch::Tensor dot(const torch::Tensor& x, const torch::Tensor& y) const = 0;
};

class TorchPasses : public GatePasses {
 public:
  torch::Tensor mean(const torch::Tensor& x) const override {
    return x.mean({2, 3}, /*keepdim=*/true);
  }
  torch::Tensor scale(const torch::Tensor& x, const torch::Tensor& factor,
                      const torch::Tensor& addend) const override {
    return addend.defined() ? torch::addcmul(addend.to(x.scalar_type()), x, factor) : x * factor;
  }
  torch::Tensor dot(const torch::Tensor& x, const torch::Tensor& y) const override {
    return (x * y).sum({2, 3}, /*keepdim=*/true);
  }
};

// For what is in_rows: each value is read once, sums are in float.
class RowPasses : public GatePasses {
 public:
  explicit RowPasses(const RowKernels& kernels) : passes_(kernels.pointwise) {}

  torch::Tensor mean(const torch::Tensor& x) const override {
    return sums(x, [&](std::int64_t at, RowShape shape,
                       float* sum) { passes_.sum(shape, values_of(x) + at, sum); })
        .div_(x.size(2) * x.size(3))
        .to(x.scalar_type());
  }
  torch::Tensor scale(const torch::Tensor& x, const torch::Tensor& factor,
                      const torch::Tensor& addend) const override {
    const bool is_whole = addend.defined() && addend.size(2) * addend.size(3) > 1;
    const torch::Tensor factors = factor.to(torch::kFloat).contiguous();
    const torch::Tensor bases =
        addend.defined() && !is_whole ? addend.to(torch::kFloat).contiguous() : torch::Tensor();
    const auto at_channel = [](const torch::Tensor& t, std::int64_t channel) {
      return t.defined() ? t.const_data_ptr<float>() + channel : nullptr;
    };
    torch::Tensor y = torch::empty_like(x);
    for_photos(x, [&](std::int64_t at, std::int64_t channel, RowShape shape) {
      passes_.scale(shape, values_of(x) + at, at_channel(factors, channel),
                    at_channel(bases, channel), is_whole ? values_of(addend) + at : nullptr,
                    writable(y) + at);
    });
    return y;
  }
  torch::Tensor dot(const torch::Tensor& x, const torch::Tensor& y) const override {
    return sums(x, [&](std::int64_t at, RowShape shape, float* sum) {
      passes_.dot(shape, values_of(x) + at, values_of(y) + at, sum);
    });
  }

 private:
  // work(its first value's place, its first channel's place, its shape) of each photo
  template <class Work>
  static void for_photos(const torch::Tensor& x, const Work& work) {
    const RowShape shape{x.size(2) * x.size(3), x.size(1)};
    at::parallel_for(0, x.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        work(n * shape.rows * shape.channels, n * shape.channels, shape);
    });
  }

  // [N, C, 1, 1] in float; add(its first value's place, its shape, its channels' sums) of each
  // photo
  template <class Add>
  static torch::Tensor sums(const torch::Tensor& x, const Add& add) {
    torch::Tensor all = torch::zeros({x.size(0), x.size(1), 1, 1}, torch::kFloat);
    float* const values = all.mutable_data_ptr<float>();
    for_photos(x, [&](std::int64_t at, std::int64_t channel, RowShape shape) {
      add(at, shape, values + channel);
    });
    return all;
  }

  const PointwisePasses& passes_;
};

// What the product leaves for the mean, whose backward comes after: together they are x's gradient,
// which is so written once and not added up from two.
struct Product : torch::CustomClassHolder {
  explicit Product(std::unique_ptr<GatePasses> chosen) : passes(std::move(chosen)) {}
  std::unique_ptr<GatePasses> passes;
  torch::Tensor dy, factor;
};
typedef c10::intrusive_ptr<Product> SharedProduct;

SharedProduct product_of(AutogradContext* context) {
  return c10::static_intrusive_pointer_cast<Product>(context->saved_data["product"].toCapsule());
}

class Mean : public torch::autograd::Function<Mean> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const SharedProduct& product) {
    context->saved_data["product"] = c10::IValue::make_capsule(product);
    context->saved_data["area"] = x.size(2) * x.size(3);
    return product->passes->mean(x);
  }

  // With y = x * gate(mean):  dx = dy * gate + dmean / (H * W).
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    check(!at::GradMode::is_enabled(), "gate_by_mean: want a first derivative, got a second");
    const SharedProduct product = product_of(context);
    check(product->dy.defined(), "gate_by_mean: the mean is for the gate alone");
    const torch::Tensor dy = std::exchange(product->dy, {});
    const torch::Tensor dmean =
        gradients[0].to(at::promote_types(gradients[0].scalar_type(), torch::kFloat));
    return {
        product->passes->scale(dy, product->factor, dmean / context->saved_data["area"].toInt()),
        {}};
  }
};

// `x` is detached: its gradient goes through Mean.
class Gated : public torch::autograd::Function<Gated> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& gate,
                               const std::optional<torch::Tensor>& shortcut,
                               const SharedProduct& product) {
    product->factor = gate.detach();
    context->save_for_backward({x});
    context->saved_data["product"] = c10::IValue::make_capsule(product);
    context->saved_data["type"] = gate.scalar_type();
    context->saved_data["residual"] = shortcut.has_value();
    return product->passes->scale(x, product->factor, shortcut.value_or(torch::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    check(!at::GradMode::is_enabled(), "gate_by_mean: want a first derivative, got a second");
    const torch::Tensor x = context->get_saved_variables()[0];
    const SharedProduct product = product_of(context);
    product->dy = gradients[0].contiguous(in_rows(x) ? kChannelsLast : x.suggest_memory_format());
    return {{},
            product->passes->dot(x, product->dy).to(context->saved_data["type"].toScalarType()),
            context->saved_data["residual"].toBool() ? product->dy : torch::Tensor(),
            {}};
  }
};

torch::Tensor gate_by_mean(const torch::Tensor& x,
                           const std::function<torch::Tensor(const torch::Tensor&)>& gate,
                           const torch::Tensor& shortcut, std::unique_ptr<GatePasses> passes) {
  const auto product = c10::make_intrusive<Product>(std::move(passes));
  const torch::Tensor factor = gate(Mean::apply(x, product));
  check(factor.numel() == x.size(0) * x.size(1), "gate_by_mean: want a gate [N, C, 1, 1], got ",
        factor.sizes());
  // Else x would get no gradient at all.
  check(factor.requires_grad() || !at::GradMode::is_enabled() || !x.requires_grad(),
        "gate_by_mean: want a gate that is made of the mean, got one without a gradient");
  return Gated::apply(x.detach(), factor,
                      shortcut.defined() ? std::optional(shortcut) : std::nullopt, product);
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
  return gate_by_mean(x, gate, shortcut, std::make_unique<RowPasses>(kernels));
}

torch::Tensor gate_by_mean(const torch::Tensor& x,
                           const std::function<torch::Tensor(const torch::Tensor&)>& gate,
                           const torch::Tensor& shortcut) {
  if (in_rows(x) && (!shortcut.defined() || (in_rows(shortcut) && shortcut.sizes() == x.sizes())))
    return fused_gate_by_mean(x, gate, shortcut, fastest_row_kernels());
  return gate_by_mean(x, gate, shortcut, std::make_unique<TorchPasses>());
}

}  // namespace shoplens
