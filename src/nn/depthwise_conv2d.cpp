// SPDX-License-Identifier: Apache-2.0
#include "nn/depthwise_conv2d.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "core/error.h"

namespace shoplens {
namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;

DepthwiseShape shape_of(const torch::Tensor& x, const torch::Tensor& weight,
                        const DepthwiseOptions& o) {
  const std::int64_t channels = x.size(1), k = weight.size(2);
  return {.batch = x.size(0),
          .channels = channels,
          .padded_channels = (channels + kDepthwiseBlock - 1) / kDepthwiseBlock * kDepthwiseBlock,
          .height = x.size(2),
          .width = x.size(3),
          .out_height = (x.size(2) + o.top + o.bottom - k) / o.stride + 1,
          .out_width = (x.size(3) + o.left + o.right - k) / o.stride + 1,
          .kernel = static_cast<int>(k),
          .stride = o.stride,
          .top = o.top,
          .left = o.left,
          .bf16 = x.scalar_type() == torch::kBFloat16};
}

void check_arguments(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const DepthwiseOptions& o) {
  check(x.dim() == 4 && x.device().is_cpu() &&
            (x.scalar_type() == torch::kFloat || x.scalar_type() == torch::kBFloat16),
        "depthwise_conv2d: want x [N, C, H, W] on the CPU, float32 or bfloat16, got ", x.sizes(),
        " ", x.scalar_type(), " on ", x.device());
  const std::int64_t k = weight.dim() == 4 ? weight.size(2) : 0;
  check(k > 0 && k <= kDepthwiseMaxKernel && weight.sizes() == c10::IntArrayRef{x.size(1), 1, k, k},
        "depthwise_conv2d: want weight [", x.size(1), ", 1, k, k], k in 1..", kDepthwiseMaxKernel,
        ", got ", weight.sizes());
  check(!bias.defined() || bias.sizes() == c10::IntArrayRef{x.size(1)},
        "depthwise_conv2d: want bias [", x.size(1), "]");
  check(o.stride > 0 && std::min({o.top, o.left, o.bottom, o.right}) >= 0,
        "depthwise_conv2d: want stride > 0 and padding >= 0");
  check(x.size(2) + o.top + o.bottom >= k && x.size(3) + o.left + o.right >= k,
        "depthwise_conv2d: want a padded picture of at least ", k, "x", k, ", got x ", x.sizes());
}

// Blocks of channels times parts of the rows: enough for the threads of a large machine, and the
// same for every number of threads, since each part sums the weight's gradient for itself.
struct Work {
  Work(const DepthwiseShape& s, std::int64_t all_rows)
      : blocks(s.padded_channels / kDepthwiseBlock),
        rows(all_rows),
        parts(std::clamp<std::int64_t>(kPieces / blocks, 1, std::max<std::int64_t>(rows / 8, 1))) {}

  // call(block, part, begin, end, scratch)
  template <class Call>
  void run(std::int64_t scratch_floats, const Call& call) const {
    at::parallel_for(0, blocks * parts, 1, [&](std::int64_t first, std::int64_t last) {
      const torch::Tensor scratch = at::empty({scratch_floats}, torch::kFloat);
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t part =
            i / blocks;  // neighbouring blocks share pages: one soon after the other
        call(i % blocks, part, rows * part / parts, rows * (part + 1) / parts,
             scratch.mutable_data_ptr<float>());
      }
    });
  }

  static constexpr std::int64_t kPieces = 128;
  std::int64_t blocks, rows, parts;
};

// weight [C, 1, k, k] -> [k * k, padded channels].
torch::Tensor pack(const torch::Tensor& weight, const DepthwiseShape& s) {
  torch::Tensor packed =
      at::zeros({std::int64_t{s.kernel} * s.kernel, s.padded_channels}, torch::kFloat);
  packed.narrow(1, 0, s.channels).copy_(weight.reshape({s.channels, -1}).t());
  return packed;
}

torch::Tensor empty_like(const torch::Tensor& x, std::int64_t height, std::int64_t width) {
  return at::empty({x.size(0), x.size(1), height, width}, x.options().memory_format(kChannelsLast));
}

torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& weight,
                      const torch::Tensor& bias, const DepthwiseOptions& options,
                      const DepthwiseKernels& kernels) {
  const DepthwiseShape s = shape_of(x, weight, options);
  const torch::Tensor packed = pack(weight, s);
  torch::Tensor padded_bias = at::zeros({s.padded_channels}, torch::kFloat);
  padded_bias.narrow(0, 0, s.channels).copy_(bias);
  torch::Tensor y = empty_like(x, s.out_height, s.out_width);
  const float* const w = packed.const_data_ptr<float>();
  const float* const b = padded_bias.const_data_ptr<float>();
  const void* const source = x.const_data_ptr();
  void* const out = y.mutable_data_ptr();
  const Work work(s, s.batch * s.out_height);
  work.run(kernels.scratch_floats(s), [&](auto block, auto, auto begin, auto end, float* scratch) {
    kernels.forward(s, block, begin, end, source, w, b, scratch, out);
  });
  return y;
}

struct Gradients {
  torch::Tensor x, weight;
};

Gradients backward(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& grad_y,
                   const DepthwiseOptions& options, const DepthwiseKernels& kernels) {
  const DepthwiseShape s = shape_of(x, weight, options);
  const torch::Tensor packed = pack(weight, s);
  torch::Tensor grad_x = empty_like(x, s.height, s.width);
  const Work work(s, s.batch * s.height);
  const std::int64_t part_floats = packed.numel();
  torch::Tensor sums = at::empty({work.parts, packed.size(0), packed.size(1)}, torch::kFloat);
  const float* const w = packed.const_data_ptr<float>();
  const void *const source = x.const_data_ptr(), *const gradient = grad_y.const_data_ptr();
  void* const out = grad_x.mutable_data_ptr();
  float* const parts = sums.mutable_data_ptr<float>();
  work.run(kernels.scratch_floats(s),
           [&](auto block, auto part, auto begin, auto end, float* scratch) {
             kernels.backward(s, block, begin, end, source, w, gradient, scratch, out,
                              parts + part * part_floats);
           });
  // The parts in their order, whichever thread was first.
  for (std::int64_t part = 1; part < work.parts; ++part)
    for (std::int64_t i = 0; i < part_floats; ++i) parts[i] += parts[part * part_floats + i];
  const torch::Tensor total = sums[0].narrow(1, 0, s.channels).t();
  return {grad_x, total.reshape(weight.sizes()).contiguous()};
}

struct DepthwiseFunction : torch::autograd::Function<DepthwiseFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               const DepthwiseOptions& options, const DepthwiseKernels* kernels) {
    context->save_for_backward({x, weight});
    context->saved_data["options"] = std::vector<std::int64_t>{
        options.stride, options.top, options.left, options.bottom, options.right};
    const auto& all = depthwise_kernels();
    context->saved_data["kernels"] = std::find(all.begin(), all.end(), kernels) - all.begin();
    return shoplens::forward(x, weight, bias, options, *kernels);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    if (at::GradMode::is_enabled())
      throw Error(ErrorCode::kUnsupported, "depthwise_conv2d: no gradient of a gradient");
    const auto saved = context->get_saved_variables();
    const auto o = context->saved_data["options"].toIntVector();
    const DepthwiseOptions options{static_cast<int>(o[0]), static_cast<int>(o[1]),
                                   static_cast<int>(o[2]), static_cast<int>(o[3]),
                                   static_cast<int>(o[4])};
    const auto kernels = static_cast<std::size_t>(context->saved_data["kernels"].toInt());
    const torch::Tensor gradient = outputs[0].contiguous(kChannelsLast);
    const Gradients gradients =
        shoplens::backward(saved[0], saved[1], gradient, options, *depthwise_kernels().at(kernels));
    torch::Tensor grad_bias;
    if (context->needs_input_grad(2))
      grad_bias = gradient.sum({0, 2, 3}, /*keepdim=*/false, torch::kFloat);
    return {gradients.x, gradients.weight, grad_bias, {}, {}};
  }
};

}  // namespace

const std::vector<const DepthwiseKernels*>& depthwise_kernels() {
  static const std::vector<const DepthwiseKernels*> kernels = [] {
    std::vector<const DepthwiseKernels*> found{&kDepthwiseBaseline};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      found.push_back(&kDepthwiseAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      found.push_back(&kDepthwiseAvx512);
    return found;
  }();
  return kernels;
}

torch::Tensor depthwise_conv2d(const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const DepthwiseOptions& options,
                               const DepthwiseKernels& kernels) {
  torch::Tensor input = x;
  if (at::autocast::is_autocast_enabled(at::kCPU) && x.scalar_type() == torch::kFloat)
    input = x.to(at::autocast::get_autocast_dtype(at::kCPU));
  check_arguments(input, weight, bias, options);
  const torch::Tensor shift = bias.defined() ? bias.to(torch::kFloat) : at::zeros({x.size(1)});
  return DepthwiseFunction::apply(input.contiguous(kChannelsLast), weight.to(torch::kFloat), shift,
                                  options, &kernels);
}

}  // namespace shoplens
