// SPDX-License-Identifier: Apache-2.0
#include "train/optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/_values.h>
#include <ATen/ops/index_copy.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <numeric>

namespace shoplens {
namespace {

std::vector<at::Tensor> values_of(const ParameterGroup& group) {
  std::vector<at::Tensor> values;
  for (const auto& [name, parameter] : group.parameters) values.push_back(parameter);
  return values;
}

// The numbers of each gradient: of a sparse one those of its rows, each row once.
std::vector<at::Tensor> gradients_of(const ParameterGroup& group) {
  std::vector<at::Tensor> gradients;
  for (auto [name, parameter] : group.parameters) {
    at::Tensor& gradient = parameter.mutable_grad();
    if (gradient.is_sparse()) gradient = gradient.coalesce();
    gradients.push_back(gradient.is_sparse() ? gradient._values() : gradient);
  }
  return gradients;
}

// Lets the kernels for whole tensors step on the rows alone that a sparse gradient has. After
// gradients_of, which leaves each row once.
class Rows {
 public:
  explicit Rows(const ParameterGroup& group) {
    for (const auto& [name, parameter] : group.parameters)
      rows_.push_back(parameter.grad().is_sparse() ? parameter.grad().indices()[0] : at::Tensor());
  }

  // Of one tensor a parameter, shaped as it is: the rows, or the tensor itself.
  std::vector<at::Tensor> take(std::vector<at::Tensor> of) const {
    for (std::size_t i = 0; i < of.size(); ++i)
      if (rows_[i].defined()) of[i] = of[i].index_select(0, rows_[i]);
    return of;
  }
  void put(const std::vector<at::Tensor>& taken, std::vector<at::Tensor> into) const {
    for (std::size_t i = 0; i < into.size(); ++i)
      if (rows_[i].defined()) into[i].index_copy_(0, rows_[i], taken[i]);
  }

 private:
  std::vector<at::Tensor> rows_;  // undefined: all of them
};

// One zero tensor for each parameter, laid out as it is: the fused kernels walk them side by side.
std::vector<at::Tensor> zeros_like_each(const ParameterGroup& group) {
  std::vector<at::Tensor> zeros;
  for (const auto& [name, parameter] : group.parameters)
    zeros.push_back(at::zeros_like(parameter.detach()));
  return zeros;
}

void append(NamedTensors& all, const std::string& prefix, const ParameterGroup& group,
            const std::vector<at::Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    all.emplace_back(prefix + group.parameters[i].first, tensors[i]);
}

class Sgd : public Optimizer {
 public:
  Sgd(std::vector<ParameterGroup> groups, double momentum)
      : Optimizer(std::move(groups)), momentum_(momentum), steps_(at::zeros({}, at::kLong)) {
    for (const ParameterGroup& group : groups_) buffers_.push_back(zeros_like_each(group));
  }

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    // The first step starts the momentum with the gradient itself, as torch.optim.SGD does.
    const bool first = steps_.item<std::int64_t>() == 0;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto gradients = gradients_of(groups_[i]);
      const Rows rows(groups_[i]);
      const auto values = rows.take(values_of(groups_[i])), buffers = rows.take(buffers_[i]);
      at::_fused_sgd_(values, gradients, buffers, groups_[i].weight_decay, momentum_,
                      lr * groups_[i].lr_scale, /*dampening=*/0, /*nesterov=*/momentum_ > 0,
                      /*maximize=*/false, first);
      rows.put(values, values_of(groups_[i]));
      rows.put(buffers, buffers_[i]);
    }
    steps_.add_(1);
  }

  NamedTensors state() const override {
    NamedTensors all{{"step", steps_}};
    for (std::size_t i = 0; i < groups_.size(); ++i)
      append(all, "momentum.", groups_[i], buffers_[i]);
    return all;
  }

 private:
  double momentum_;
  at::Tensor steps_;
  std::vector<std::vector<at::Tensor>> buffers_;
};

class AdamW : public Optimizer {
 public:
  explicit AdamW(std::vector<ParameterGroup> groups) : Optimizer(std::move(groups)) {
    for (const ParameterGroup& group : groups_) {
      averages_.push_back(zeros_like_each(group));
      squares_.push_back(zeros_like_each(group));
      // The kernel wants a step count a tensor, on its device; CUDA's reads it as a float.
      auto& steps = steps_.emplace_back();
      for (const auto& [name, parameter] : group.parameters)
        steps.push_back(at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)));
    }
  }

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      at::_foreach_add_(steps_[i], 1);
      const auto gradients = gradients_of(groups_[i]);
      const Rows rows(groups_[i]);
      const auto values = rows.take(values_of(groups_[i])), averages = rows.take(averages_[i]),
                 squares = rows.take(squares_[i]);
      at::_fused_adamw_(values, gradients, averages, squares, {}, steps_[i],
                        lr * groups_[i].lr_scale, 0.9, 0.999, groups_[i].weight_decay, 1e-8,
                        /*amsgrad=*/false, /*maximize=*/false);
      rows.put(values, values_of(groups_[i]));
      rows.put(averages, averages_[i]);
      rows.put(squares, squares_[i]);
    }
  }

  NamedTensors state() const override {
    NamedTensors all;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      append(all, "exp_avg.", groups_[i], averages_[i]);
      append(all, "exp_avg_sq.", groups_[i], squares_[i]);
      append(all, "step.", groups_[i], steps_[i]);
    }
    return all;
  }

 private:
  std::vector<std::vector<at::Tensor>> averages_, squares_, steps_;
};

}  // namespace

void Optimizer::zero_grad(bool in_place) {
  for (ParameterGroup& group : groups_)
    for (auto& [name, parameter] : group.parameters)
      if (at::Tensor& gradient = parameter.mutable_grad(); in_place && gradient.defined())
        gradient.zero_();
      else
        gradient.reset();
}

double Optimizer::clip_grad_norm(double max_norm) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const ParameterGroup& group : groups_)
    for (const at::Tensor& gradient : gradients_of(group)) gradients.push_back(gradient);
  const double norm = at::stack(at::_foreach_norm(gradients)).norm().item<double>();
  if (norm > max_norm) at::_foreach_mul_(gradients, max_norm / (norm + 1e-6));
  return norm;
}

void Optimizer::adaptive_clip_grad(double clip) {
  const at::NoGradGuard no_grad;
  const auto unit_norm = [](const at::Tensor& t) {
    if (t.dim() <= 1) return t.norm();
    std::vector<std::int64_t> all_but_first(t.dim() - 1);
    std::iota(all_but_first.begin(), all_but_first.end(), 1);
    return t.norm(2, all_but_first, /*keepdim=*/true);
  };
  for (const ParameterGroup& group : groups_) {
    if (!group.adaptive_clip) continue;
    for (const auto& [name, parameter] : group.parameters) {
      at::Tensor gradient = parameter.grad();
      const at::Tensor most = unit_norm(parameter).clamp_min(1e-3) * clip,
                       norm = unit_norm(gradient);
      gradient.mul_(at::where(norm > most, most / norm.clamp_min(1e-6), at::ones_like(norm)));
    }
  }
}

std::unique_ptr<Optimizer> make_sgd(std::vector<ParameterGroup> groups, double momentum) {
  return std::make_unique<Sgd>(std::move(groups), momentum);
}

std::unique_ptr<Optimizer> make_adamw(std::vector<ParameterGroup> groups) {
  return std::make_unique<AdamW>(std::move(groups));
}

}  // namespace shoplens
