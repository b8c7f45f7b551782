// SPDX-License-Identifier: Apache-2.0
#include "nn/batch_norm_act.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"

namespace shoplens {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows whose mean every value is measured from while its square is summed: close enough to the true
// mean that nothing cancels.
constexpr std::int64_t kSampledRows = 32;

RowShape rows_of(const torch::Tensor& x) {
  return {x.numel() / std::max<std::int64_t>(x.size(1), 1), x.size(1)};
}

// The work is cut by its shape alone, so that the sums are the same for any number of threads. A
// block fits a core's cache, and is short enough to be summed in float.
std::int64_t block_rows(RowShape shape) {
  return std::clamp<std::int64_t>(131072 / shape.channels, 32, 1024);
}

std::int64_t count_blocks(RowShape shape) {
  return (shape.rows + block_rows(shape) - 1) / block_rows(shape);
}

// work(block's number, its first value, its shape)
template <class Work>
void for_blocks(RowShape shape, const Work& work) {
  const std::int64_t size = block_rows(shape);
  at::parallel_for(0, count_blocks(shape), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * size;
      work(block, first * shape.channels, {std::min(size, shape.rows - first), shape.channels});
    }
  });
}

// Two sums a channel over all rows: sum_block(block's first value, its shape, first sum, second
// sum) adds a block's, in float; the blocks are added in double.
struct Sums {
  std::vector<double> first, second;
};
template <class SumBlock>
Sums sum_blocks(RowShape shape, const SumBlock& sum_block) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  std::vector<float> partial(static_cast<std::size_t>(count_blocks(shape)) * 2 * channels);
  for_blocks(shape, [&](std::int64_t block, std::int64_t at, RowShape part) {
    float* const sums = partial.data() + block * 2 * shape.channels;
    sum_block(at, part, sums, sums + shape.channels);
  });
  Sums total{std::vector<double>(channels), std::vector<double>(channels)};
  for (auto sum = partial.begin(); sum != partial.end();) {
    for (double& value : total.first) value += *sum++;
    for (double& value : total.second) value += *sum++;
  }
  return total;
}

float to_float(float value) { return value; }
float to_float(Bfloat16 value) { return std::bit_cast<float>(std::uint32_t{value} << 16); }

template <class T>
std::vector<float> sampled_mean(RowShape shape, const T* x) {
  std::vector<float> mean(static_cast<std::size_t>(shape.channels));
  const std::int64_t count = std::min(shape.rows, kSampledRows);
  for (std::int64_t i = 0; i < count; ++i) {
    const T* const row = x + i * shape.rows / count * shape.channels;
    for (std::size_t c = 0; c < mean.size(); ++c)
      mean[c] += to_float(row[c]) / static_cast<float>(count);
  }
  return mean;
}

// Bfloat16 and at::BFloat16 are the same 16 bits.
template <class T>
const T* values_of(const torch::Tensor& tensor) {
  return static_cast<const T*>(tensor.const_data_ptr());
}

template <class T>
const NormPasses<T>& passes_of(const RowKernels& kernels) {
  if constexpr (std::is_same_v<T, float>)
    return kernels.norm_float32;
  else
    return kernels.norm_bfloat16;
}

// f(T{}) for the type x has: float or Bfloat16.
template <class F>
void with_type(const torch::Tensor& x, const F& f) {
  if (x.scalar_type() == torch::kFloat)
    f(float{});
  else
    f(Bfloat16{});
}

/// Mean and biased variance a channel, in double.
Sums statistics(const torch::Tensor& x, const RowKernels& kernels) {
  const RowShape shape = rows_of(x);
  Sums result;
  with_type(x, [&]<class T>(T) {
    const T* const values = values_of<T>(x);
    const std::vector<float> shift = sampled_mean(shape, values);
    result = sum_blocks(shape, [&](std::int64_t at, RowShape part, float* sum, float* square_sum) {
      passes_of<T>(kernels).moments(part, values + at, shift.data(), sum, square_sum);
    });
    const auto rows = static_cast<double>(shape.rows);
    for (std::size_t c = 0; c < shift.size(); ++c) {
      const double offset = result.first[c] / rows;
      result.first[c] = shift[c] + offset;
      result.second[c] = std::max(result.second[c] / rows - offset * offset, 0.0);
    }
  });
  return result;
}

// The unbiased variance is remembered, as in torch.
void update_running(BatchNormImpl& norm, const Sums& statistics, std::int64_t rows) {
  const double unbias = static_cast<double>(rows) / static_cast<double>(rows - 1);
  float* const mean = norm.running_mean.mutable_data_ptr<float>();
  float* const var = norm.running_var.mutable_data_ptr<float>();
  for (std::size_t c = 0; c < statistics.first.size(); ++c) {
    mean[c] += static_cast<float>(norm.momentum * (statistics.first[c] - mean[c]));
    var[c] += static_cast<float>(norm.momentum * (statistics.second[c] * unbias - var[c]));
  }
}

NormParameters parameters(const torch::Tensor& mean, const torch::Tensor& inverse_std,
                          const torch::Tensor& weight, const torch::Tensor& bias) {
  return {mean.const_data_ptr<float>(), inverse_std.const_data_ptr<float>(),
          weight.const_data_ptr<float>(), bias.const_data_ptr<float>()};
}

std::vector<float> scaled(const std::vector<double>& values, double factor) {
  std::vector<float> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(),
                 [&](double value) { return static_cast<float>(value * factor); });
  return result;
}

class FusedBatchNorm : public torch::autograd::Function<FusedBatchNorm> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               BatchNormImpl* norm, Epilogue epilogue, const RowKernels* kernels) {
    const RowShape shape = rows_of(x);
    torch::Tensor mean = torch::empty({shape.channels}, torch::kFloat);
    torch::Tensor inverse_std = torch::empty({shape.channels}, torch::kFloat);
    Sums moments;
    if (norm->is_training()) {
      moments = statistics(x, *kernels);
      update_running(*norm, moments, shape.rows);
    } else {
      const float* const running_mean = norm->running_mean.const_data_ptr<float>();
      const float* const running_var = norm->running_var.const_data_ptr<float>();
      moments = {{running_mean, running_mean + shape.channels},
                 {running_var, running_var + shape.channels}};
    }
    std::copy(moments.first.begin(), moments.first.end(), mean.mutable_data_ptr<float>());
    std::transform(moments.second.begin(), moments.second.end(),
                   inverse_std.mutable_data_ptr<float>(),
                   [&](double var) { return static_cast<float>(1 / std::sqrt(var + norm->eps)); });

    torch::Tensor y = torch::empty_like(x);
    const NormParameters norm_parameters = parameters(mean, inverse_std, weight, bias);
    with_type(x, [&]<class T>(T) {
      const auto pass = passes_of<T>(*kernels).normalize[static_cast<int>(epilogue)];
      T* const out = static_cast<T*>(y.mutable_data_ptr());
      for_blocks(shape, [&](std::int64_t, std::int64_t at, RowShape part) {
        pass(part, values_of<T>(x) + at, norm_parameters, out + at);
      });
    });
    context->save_for_backward({x, weight, bias, mean, inverse_std});
    context->saved_data["training"] = norm->is_training();
    context->saved_data["epilogue"] = static_cast<std::int64_t>(epilogue);
    context->saved_data["kernels"] = place_of(*kernels);
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    check(!at::GradMode::is_enabled(), "batch norm: want a first derivative, got a second");
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1];
    const RowKernels& kernels = row_kernels_at(context->saved_data["kernels"].toInt());
    const auto epilogue = static_cast<std::size_t>(context->saved_data["epilogue"].toInt());
    const bool training = context->saved_data["training"].toBool();
    const NormParameters norm = parameters(saved[3], saved[4], weight, saved[2]);
    const RowShape shape = rows_of(x);
    const torch::Tensor dy = gradients[0].contiguous(x.dim() == 4 ? at::MemoryFormat::ChannelsLast
                                                                  : at::MemoryFormat::Contiguous);
    torch::Tensor dx = torch::empty_like(x);
    torch::Tensor dweight = torch::empty_like(weight), dbias = torch::empty_like(weight);
    with_type(x, [&]<class T>(T) {
      const NormPasses<T>& passes = passes_of<T>(kernels);
      const T *const in = values_of<T>(x), *const dout = values_of<T>(dy);
      T* const out = static_cast<T*>(dx.mutable_data_ptr());
      const Sums sums =
          sum_blocks(shape, [&](std::int64_t at, RowShape part, float* dz_sum, float* dz_n_sum) {
            passes.reduce[epilogue](part, in + at, dout + at, norm, out + at, dz_sum, dz_n_sum);
          });
      std::copy(sums.first.begin(), sums.first.end(), dbias.mutable_data_ptr<float>());
      std::copy(sums.second.begin(), sums.second.end(), dweight.mutable_data_ptr<float>());
      if (!context->needs_input_grad(0)) return;
      // Fixed statistics do not depend on x: nothing is taken away.
      const double share = training ? 1 / static_cast<double>(shape.rows) : 0;
      const std::vector<float> dz_mean = scaled(sums.first, share);
      const std::vector<float> dz_n_mean = scaled(sums.second, share);
      const T* const dz = epilogue == static_cast<std::size_t>(Epilogue::kSilu) ? out : dout;
      for_blocks(shape, [&](std::int64_t, std::int64_t at, RowShape part) {
        passes.differentiate[epilogue](part, in + at, dz + at, norm, dz_mean.data(),
                                       dz_n_mean.data(), out + at);
      });
    });
    if (!context->needs_input_grad(0)) dx.reset();
    return {dx, dweight, dbias, {}, {}, {}};
  }
};

bool is_float_vector(const torch::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == torch::kFloat && tensor.is_contiguous();
}

bool can_fuse(const BatchNormImpl& norm, const torch::Tensor& x) {
  const bool in_rows = (x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast)) ||
                       (x.dim() == 2 && x.is_contiguous());
  return in_rows && x.is_cpu() && x.numel() > 0 &&
         (x.scalar_type() == torch::kFloat || x.scalar_type() == torch::kBFloat16) &&
         x.size(1) == norm.weight.numel() &&
         rows_of(x).rows > 1 &&  // of one there is no unbiased variance
         is_float_vector(norm.weight) && is_float_vector(norm.bias) &&
         is_float_vector(norm.running_mean) && is_float_vector(norm.running_var);
}

std::optional<Epilogue> epilogue_of(std::optional<Activation> activation) {
  if (!activation) return Epilogue::kNone;
  switch (*activation) {
    case Activation::kRelu:
      return Epilogue::kRelu;
    case Activation::kRelu6:
      return Epilogue::kRelu6;
    case Activation::kSilu:
      return Epilogue::kSilu;
    case Activation::kHardSwish:
      return Epilogue::kHardSwish;
    case Activation::kGelu:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

torch::Tensor fused_batch_norm(BatchNormImpl& norm, Epilogue epilogue, const torch::Tensor& x,
                               const RowKernels& kernels) {
  return FusedBatchNorm::apply(x, norm.weight, norm.bias, &norm, epilogue, &kernels);
}

torch::Tensor batch_norm_activate(BatchNormImpl& norm, std::optional<Activation> activation,
                                  const torch::Tensor& x) {
  if (norm.is_training()) norm.num_batches_tracked.add_(1);
  const std::optional<Epilogue> epilogue = epilogue_of(activation);
  if (epilogue && can_fuse(norm, x))
    return fused_batch_norm(norm, *epilogue, x, fastest_row_kernels());
  const torch::Tensor z =
      torch::batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_var,
                        norm.is_training(), norm.momentum, norm.eps, false);
  return activation ? activate(*activation, z) : z;
}

torch::Tensor norm_activate(BatchNorm& norm, Activation activation, const torch::Tensor& x) {
  return batch_norm_activate(*norm, activation, x);
}

Value norm_activate(BatchNorm& norm, Activation activation, const Value& x) {
  return activate(activation, norm->forward(x));
}

}  // namespace shoplens
