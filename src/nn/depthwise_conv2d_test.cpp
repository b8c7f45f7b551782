// SPDX-License-Identifier: Apache-2.0
#include "nn/depthwise_conv2d.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "nn/conv2d.h"

namespace shoplens {
namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;

struct Case {
  int batch, channels, height, width, kernel;
  DepthwiseOptions options;
};

struct Result {
  torch::Tensor y, grad_x, grad_weight, grad_bias;
};

std::string describe(const Case& c) {
  const DepthwiseOptions& o = c.options;
  return join("x [", c.batch, ", ", c.channels, ", ", c.height, ", ", c.width, "] kernel ",
              c.kernel, " stride ", o.stride, " padding ", o.top, " ", o.left, " ", o.bottom, " ",
              o.right);
}

// Both of stride 1 and 2, padded by half a kernel and as TensorFlow's SAME pads.
std::vector<Case> cases() {
  struct Size {
    int batch, channels, height, width;
  };
  std::vector<Case> all;
  for (const Size& s : {Size{1, 5, 1, 1}, Size{3, 17, 2, 3}, Size{3, 96, 7, 7}, Size{1, 32, 8, 13},
                        Size{3, 40, 15, 10}})
    for (const int kernel : {3, 5, 7})
      for (const int stride : {1, 2}) {
        const int half = kernel / 2;
        all.push_back(
            {s.batch, s.channels, s.height, s.width, kernel, {stride, half, half, half, half}});
        const auto total = [&](int side) {
          return std::max(((side + stride - 1) / stride - 1) * stride + kernel - side, 0);
        };
        const int h = total(s.height), w = total(s.width);
        all.push_back({s.batch,
                       s.channels,
                       s.height,
                       s.width,
                       kernel,
                       {stride, h / 2, w / 2, h - h / 2, w - w / 2}});
      }
  all.push_back({2, 33, 9, 8, 3, {3, 2, 0, 1, 4}});
  all.push_back({2, 33, 9, 8, 4, {3, 5, 6, 7, 8}});
  all.push_back({1, 16, 9, 8, 5, {2, 0, 0, 0, 0}});
  all.push_back({4, 8, 64, 3, 3, {1, 1, 1, 1, 1}});  // many rows: many parts
  return all;
}

// The values of a case, exact in bfloat16 so that the oracle computes with the same.
struct Inputs {
  explicit Inputs(const Case& c) {
    torch::manual_seed(1);
    const auto draw = [](c10::IntArrayRef sizes) {
      return torch::randn(sizes).to(torch::kBFloat16).to(torch::kDouble);
    };
    x = draw({c.batch, c.channels, c.height, c.width});
    weight = draw({c.channels, 1, c.kernel, c.kernel});
    bias = draw({c.channels});
    const DepthwiseOptions& o = c.options;
    grad_y = draw({c.batch, c.channels, (c.height + o.top + o.bottom - c.kernel) / o.stride + 1,
                   (c.width + o.left + o.right - c.kernel) / o.stride + 1});
  }
  torch::Tensor x, weight, bias, grad_y;
};

// f(x, weight, bias) -> y and its gradients, with x and y of type `type`.
template <class F>
Result run(const Inputs& in, torch::Dtype type, torch::Dtype weight_type, const F& f) {
  const auto leaf = [](const torch::Tensor& t, torch::Dtype to) {
    return t.to(to, false, /*copy=*/true).requires_grad_();
  };
  const torch::Tensor x = in.x.to(type).contiguous(kChannelsLast).detach().requires_grad_();
  const torch::Tensor weight = leaf(in.weight, weight_type), bias = leaf(in.bias, weight_type);
  const torch::Tensor y = f(x, weight, bias);
  y.backward(in.grad_y.to(y.scalar_type()));
  return {y.detach(), x.grad(), weight.grad(), bias.grad()};
}

Result oracle(const Case& c, const Inputs& in) {
  const DepthwiseOptions& o = c.options;
  return run(in, torch::kDouble, torch::kDouble, [&](const auto& x, const auto& w, const auto& b) {
    const auto padded = torch::constant_pad_nd(x, {o.left, o.right, o.top, o.bottom});
    return torch::conv2d(padded, w, b, o.stride, c10::IntArrayRef{0, 0}, 1, c.channels);
  });
}

Result ours(const Case& c, const Inputs& in, torch::Dtype type, const DepthwiseKernels& kernels) {
  return run(in, type, torch::kFloat, [&](const auto& x, const auto& w, const auto& b) {
    return depthwise_conv2d(x, w, b, c.options, kernels);
  });
}

void expect_close(const torch::Tensor& got, const torch::Tensor& want, double tolerance) {
  ASSERT_EQ(got.sizes(), want.sizes());
  const double scale = std::max(1.0, want.abs().max().item<double>());
  const double difference = (got.to(torch::kDouble) - want).abs().max().item<double>();
  EXPECT_LE(difference, tolerance * scale);
}

TEST(DepthwiseConv2d, IsTheConvolutionWithEveryInstructionSet) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(describe(c));
    const Inputs in(c);
    const Result want = oracle(c, in);
    for (const DepthwiseKernels* kernels : depthwise_kernels())
      for (const auto type : {torch::kFloat, torch::kBFloat16}) {
        SCOPED_TRACE(join(kernels->name, " ", type));
        const Result got = ours(c, in, type, *kernels);
        EXPECT_EQ(got.y.scalar_type(), type);
        EXPECT_EQ(got.grad_x.scalar_type(), type);
        EXPECT_TRUE(got.y.is_contiguous(kChannelsLast));
        // y and grad_x are rounded once to 8 bits; the sums of the weight's gradient are float32.
        const double rounding = type == torch::kFloat ? 1e-6 : 1.0 / 256;
        expect_close(got.y, want.y, rounding);
        expect_close(got.grad_x, want.grad_x, rounding);
        expect_close(got.grad_weight, want.grad_weight, 1e-6);
        expect_close(got.grad_bias, want.grad_bias, 1e-6);
      }
  }
}

TEST(DepthwiseConv2d, RoundsToTheNearestEven) {
  const Case c{1, 48, 12, 12, 5, {1, 2, 2, 2, 2}};
  const Inputs in(c);
  for (const DepthwiseKernels* kernels : depthwise_kernels()) {
    const Result exact = ours(c, in, torch::kFloat, *kernels);
    const Result rounded = ours(c, in, torch::kBFloat16, *kernels);
    EXPECT_TRUE(torch::equal(rounded.y, exact.y.to(torch::kBFloat16))) << kernels->name;
    EXPECT_TRUE(torch::equal(rounded.grad_x, exact.grad_x.to(torch::kBFloat16))) << kernels->name;
  }
}

TEST(DepthwiseConv2d, IsTheSameForEveryNumberOfThreads) {
  const Case c{3, 96, 20, 20, 3, {2, 0, 0, 1, 1}};
  const Inputs in(c);
  const int threads = at::get_num_threads();
  const Result first = ours(c, in, torch::kBFloat16, *depthwise_kernels().back());
  for (const int count : {1, 2, 3, 3}) {
    at::set_num_threads(count);
    const Result again = ours(c, in, torch::kBFloat16, *depthwise_kernels().back());
    EXPECT_TRUE(torch::equal(again.y, first.y));
    EXPECT_TRUE(torch::equal(again.grad_x, first.grad_x));
    EXPECT_TRUE(torch::equal(again.grad_weight, first.grad_weight));
  }
  at::set_num_threads(threads);
}

TEST(DepthwiseConv2d, KeepsNotANumber) {
  torch::Tensor x = torch::zeros({1, 32, 3, 3}, torch::kBFloat16);
  x[0][7][1][1] = std::nan("");
  const auto weight = torch::ones({32, 1, 3, 3});
  for (const DepthwiseKernels* kernels : depthwise_kernels()) {
    const auto y = depthwise_conv2d(x, weight, {}, {1, 1, 1, 1, 1}, *kernels);
    EXPECT_EQ(y.isnan().sum().item<int>(), 9) << kernels->name;
    EXPECT_TRUE(y[0][7].isnan().all().item<bool>()) << kernels->name;
  }
}

TEST(DepthwiseConv2d, CastsUnderAutocastAndKeepsTheWeight) {
  Conv2d conv(
      Conv2dOptions{.in = 24, .out = 24, .kernel = 3, .stride = 2, .groups = 24, .same = true});
  const auto x = torch::randn({2, 24, 9, 10}).contiguous(kChannelsLast).requires_grad_();
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto y = conv->forward(x);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
  y.sum().backward();
  EXPECT_EQ(x.grad().scalar_type(), torch::kFloat);
  EXPECT_EQ(conv->weight.grad().scalar_type(), torch::kFloat);
  const auto rounded = x.detach().to(torch::kBFloat16).to(torch::kDouble);
  const auto want =
      torch::conv2d(torch::constant_pad_nd(rounded, {0, 1, 1, 1}),
                    conv->weight.detach().to(torch::kDouble), {}, 2, c10::IntArrayRef{0, 0}, 1, 24);
  expect_close(y, want, 1.0 / 256);
}

TEST(DepthwiseConv2d, IsWhatALayerComputesForChannelsLast) {
  for (const bool same : {false, true}) {
    Conv2d conv(Conv2dOptions{
        .in = 20, .out = 20, .kernel = 5, .stride = 2, .groups = 20, .bias = true, .same = same});
    const auto x = torch::randn({2, 20, 12, 9});
    const auto y = conv->forward(x.contiguous(kChannelsLast));
    EXPECT_TRUE(torch::allclose(y, conv->forward(x), 1e-5, 1e-5)) << same;
    EXPECT_TRUE(y.is_contiguous(kChannelsLast));
    EXPECT_EQ(y.grad_fn()->name().find("Convolution"), std::string::npos) << y.grad_fn()->name();
  }
}

TEST(DepthwiseConv2d, SaysWhatItWants) {
  const auto x = torch::zeros({1, 4, 2, 2}), weight = torch::zeros({4, 1, 3, 3});
  EXPECT_THROW(depthwise_conv2d(x, weight, {}, {}), Error);  // smaller than the kernel
  EXPECT_THROW(depthwise_conv2d(x, torch::zeros({4, 2, 3, 3}), {}, {1, 1, 1, 1, 1}), Error);
  EXPECT_THROW(depthwise_conv2d(x.to(torch::kDouble), weight, {}, {1, 1, 1, 1, 1}), Error);
}

}  // namespace
}  // namespace shoplens
