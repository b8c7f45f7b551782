// SPDX-License-Identifier: Apache-2.0
#include "nn/conv2d.h"

#include <torch/nn/functional/padding.h>
#include <torch/nn/init.h>

#include <cmath>

#include "nn/depthwise_conv2d.h"

namespace shoplens {
namespace {

// TensorFlow SAME: output ceil(side / stride); what does not divide evenly goes to the right and
// bottom.
std::int64_t same_padding(std::int64_t side, int kernel, int stride) {
  return std::max<std::int64_t>(((side + stride - 1) / stride - 1) * stride + kernel - side, 0);
}

// Torch's depthwise convolution is an order of magnitude slower backward than memory allows, so
// what ours takes goes there.
bool is_depthwise(const torch::Tensor& x, const torch::Tensor& weight, const Conv2dOptions& o) {
  const auto type = x.scalar_type();
  return o.groups > 1 && o.groups == o.in && o.groups == o.out && x.dim() == 4 && x.numel() > 0 &&
         x.device().is_cpu() && (type == torch::kFloat || type == torch::kBFloat16) &&
         weight.scalar_type() == torch::kFloat &&
         x.is_contiguous(torch::MemoryFormat::ChannelsLast);
}

}  // namespace

Conv2dImpl::Conv2dImpl(const Conv2dOptions& o)
    : options(o),
      weight(register_parameter("weight",
                                torch::empty({o.out, o.in / o.groups, o.kernel, o.kernel}))) {
  // timm's EfficientNet and NFNet: normal, fan-out (of a group).
  const double fan_out =
      static_cast<double>(o.kernel) * o.kernel * static_cast<double>(o.out / o.groups);
  torch::nn::init::normal_(weight, 0, std::sqrt(2 / fan_out));
  if (o.bias) bias = register_parameter("bias", torch::zeros({o.out}));
}

torch::Tensor conv2d(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const Conv2dOptions& o) {
  // Of one position a 1 x 1 convolution is a matrix product, whose backward is several times
  // faster.
  if (o.kernel == 1 && o.groups == 1 && x.dim() == 4 && x.size(2) == 1 && x.size(3) == 1)
    return torch::linear(x.flatten(1), weight.flatten(1), bias).unsqueeze(2).unsqueeze(3);
  std::int64_t top = o.padding(), left = top, bottom = top, right = top;
  if (o.same) {
    const auto h = same_padding(x.size(2), o.kernel, o.stride);
    const auto w = same_padding(x.size(3), o.kernel, o.stride);
    top = h / 2, bottom = h - top;
    left = w / 2, right = w - left;
  }
  if (is_depthwise(x, weight, o))
    return depthwise_conv2d(x, weight, bias,
                            {.stride = o.stride,
                             .top = static_cast<int>(top),
                             .left = static_cast<int>(left),
                             .bottom = static_cast<int>(bottom),
                             .right = static_cast<int>(right)});
  torch::Tensor padded = x;
  if (top != bottom || left != right) {  // else the convolution pads by itself, without a copy
    padded = torch::constant_pad_nd(x, {left, right, top, bottom});
    top = left = 0;
  }
  return torch::conv2d(padded, weight, bias, o.stride, {top, left}, 1, o.groups);
}

Value conv2d(const Value& x, const torch::Tensor& weight, const torch::Tensor& bias,
             const Conv2dOptions& o) {
  return x.graph->conv(x, constant_of(weight), constant_of(bias),
                       {.stride = o.stride,
                        .padding = o.padding(),
                        .groups = static_cast<int>(o.groups),
                        .same = o.same});
}

torch::Tensor Conv2dImpl::forward(const torch::Tensor& x) {
  return conv2d(x, weight, bias, options);
}
Value Conv2dImpl::forward(const Value& x) { return conv2d(x, weight, bias, options); }

Constant constant_of(const torch::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const torch::Tensor flat = tensor.detach().to(torch::kCPU, torch::kFloat).contiguous();
  const float* data = flat.const_data_ptr<float>();
  return {flat.sizes().vec(), {data, data + flat.numel()}};
}

}  // namespace shoplens
