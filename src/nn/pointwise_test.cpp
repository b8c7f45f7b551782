// SPDX-License-Identifier: Apache-2.0
#include "nn/pointwise.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/error.h"

namespace shoplens {
namespace {

torch::Tensor channels_last(const torch::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

class Pointwise : public testing::TestWithParam<const RowKernels*> {};

// Every bfloat16 there is, but those that are not finite.
torch::Tensor all_values() {
  torch::Tensor bits = torch::arange(-32768, 32768, torch::kShort);
  const torch::Tensor x = bits.view(torch::kBFloat16);
  return x.masked_select(x.to(torch::kFloat).isfinite()).contiguous();
}

// Distance in units of bfloat16's last place of what is wanted. An instruction set may take what is
// less than the least normal number for 0: near it the unit is four times that number.
double worst_units(const torch::Tensor& got, const torch::Tensor& want) {
  const double least = std::ldexp(1.0, -126);
  const torch::Tensor unit =
      torch::where(want.abs() < 2 * least, 4 * least,
                   torch::exp2(want.abs().clamp_min(least).log2().floor() - 7));
  return ((got.to(torch::kDouble) - want).abs() / unit).max().item<double>();
}

TEST_P(Pointwise, GeluIsRoundedRightAtEveryBfloat16) {
  const torch::Tensor x = all_values().requires_grad_();
  const torch::Tensor y = fused_gelu(x, *GetParam());
  y.backward(torch::ones_like(y));
  torch::Tensor exact = x.detach().to(torch::kDouble);
  // Below -13 the function is 0 to 1e-37 and the kernel's exponential ends.
  const torch::Tensor inside = exact > -13;
  EXPECT_LT(y.masked_select(inside.logical_not()).abs().max().item<double>(), 1e-35);
  EXPECT_LT(x.grad().masked_select(inside.logical_not()).abs().max().item<double>(), 1e-35);
  exact = exact.masked_select(inside);
  const torch::Tensor phi = torch::erfc(-exact / std::sqrt(2.0)) / 2;
  EXPECT_LT(worst_units(y.detach().masked_select(inside), exact * phi), 0.51);
  // Near -0.75 the slope passes through 0, so there it is held to a unit of its terms.
  const torch::Tensor slope = phi + exact * torch::exp(-exact.square() / 2) / std::sqrt(2 * M_PI);
  const torch::Tensor off =
      (x.grad().masked_select(inside).to(torch::kDouble) - slope).abs() / (slope.abs() + 2e-3);
  EXPECT_LT(off.max().item<double>(), 0.004);
}

TEST_P(Pointwise, GeluOfAnyLayoutAndCount) {
  torch::manual_seed(1);
  for (const auto& shape :
       std::vector<std::vector<std::int64_t>>{{1}, {31}, {2, 5, 3, 3}, {70001}}) {
    const auto x = torch::randn(shape).to(torch::kBFloat16).requires_grad_();
    const auto dy = torch::randn(shape).to(torch::kBFloat16);
    fused_gelu(x, *GetParam()).backward(dy);
    const auto exact = x.detach().to(torch::kDouble).requires_grad_();
    torch::gelu(exact).backward(dy.to(torch::kDouble));
    EXPECT_TRUE(torch::allclose(x.grad().to(torch::kDouble), exact.grad(), 4e-3, 1e-5));
  }
  // A gradient in another layout than x.
  const auto x = channels_last(torch::randn({2, 3, 4, 5}).to(torch::kBFloat16)).requires_grad_();
  const auto dy = torch::randn({2, 3, 4, 5}).to(torch::kBFloat16);
  fused_gelu(x, *GetParam()).backward(dy);
  const auto exact = x.detach().to(torch::kDouble).requires_grad_();
  torch::gelu(exact).backward(dy.to(torch::kDouble));
  EXPECT_TRUE(torch::allclose(x.grad().to(torch::kDouble), exact.grad(), 4e-3, 1e-5));
}

struct Gradients {
  torch::Tensor y, dx, dweight, dshortcut;
};

using Gate = std::function<torch::Tensor(const torch::Tensor&)>;
using GateByMean = std::function<torch::Tensor(const torch::Tensor& x, const Gate& gate,
                                               const torch::Tensor& shortcut)>;

GateByMean fused_by(const RowKernels& kernels) {
  return [&](const torch::Tensor& x, const Gate& gate, const torch::Tensor& shortcut) {
    return fused_gate_by_mean(x, gate, shortcut, kernels);
  };
}

torch::Tensor by_torch(const torch::Tensor& x, const Gate& gate, const torch::Tensor& shortcut) {
  return gate_by_mean(x, gate, shortcut);
}

// The definition.
torch::Tensor written_out(const torch::Tensor& x, const Gate& gate, const torch::Tensor& shortcut) {
  const torch::Tensor y = x * gate(x.mean({2, 3}, /*keepdim=*/true));
  return shortcut.defined() ? y + shortcut : y;
}

// The gate of a squeeze-and-excitation's shape: every mean matters to every channel.
Gradients gated(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& shortcut,
                const torch::Tensor& dy, const GateByMean& how) {
  const auto leaf = x.detach().clone(at::MemoryFormat::Preserve).requires_grad_();
  const auto w = weight.detach().clone().requires_grad_();
  const auto s = shortcut.defined()
                     ? shortcut.detach().clone(at::MemoryFormat::Preserve).requires_grad_()
                     : shortcut;
  const auto gate = [&](const torch::Tensor& mean) {
    return torch::linear(mean.flatten(1).to(w.scalar_type()), w)
        .sigmoid()
        .unsqueeze(2)
        .unsqueeze(3);
  };
  const auto y = how(leaf, gate, s);
  y.backward(dy);
  return {y.detach(), leaf.grad(), w.grad(), s.defined() ? s.grad() : s};
}

double distance(const torch::Tensor& got, const torch::Tensor& want) {
  const auto exact = want.to(torch::kDouble);
  return ((got.to(torch::kDouble) - exact).norm() / (exact.norm() + 1e-12)).item<double>();
}

TEST_P(Pointwise, GateByMeanEqualsTorchInDouble) {
  const std::vector<std::vector<std::int64_t>> shapes{
      {2, 5, 3, 3}, {1, 17, 7, 9},  {3, 96, 11, 13}, {2, 24, 40, 40},
      {2, 1, 2, 2}, {3, 129, 1, 2}, {3, 8, 1, 1}};
  for (const auto& shape : shapes)
    for (const bool residual : {false, true}) {
      SCOPED_TRACE(testing::PrintToString(shape) + (residual ? " with a shortcut" : ""));
      torch::manual_seed(1);
      const auto bf16 = [&] { return channels_last(torch::randn(shape)).to(torch::kBFloat16); };
      const auto x = bf16() + 0.5, dy = bf16();
      const auto shortcut = residual ? bf16() : torch::Tensor();
      const auto weight = torch::randn({shape[1], shape[1]}) / shape[1];
      const auto exact = [](const torch::Tensor& t) {
        return t.defined() ? t.to(torch::kDouble) : t;
      };
      const Gradients got = gated(x, weight, shortcut, dy, fused_by(*GetParam()));
      const Gradients want =
          gated(exact(x), exact(weight), exact(shortcut), exact(dy), written_out);
      EXPECT_EQ(got.y.scalar_type(), torch::kBFloat16);
      EXPECT_EQ(got.y.strides(), x.strides());
      // The mean and its gradient are rounded to bfloat16 on the way, as in torch.
      EXPECT_LT(distance(got.y, want.y), 5e-3);
      EXPECT_LT(distance(got.dx, want.dx), 5e-3);
      EXPECT_LT(distance(got.dweight, want.dweight), 5e-3);
      if (residual) {
        EXPECT_TRUE(torch::equal(got.dshortcut, dy));
      }
    }
}

TEST_P(Pointwise, GivesTheSameBitsForAnyNumberOfThreads) {
  torch::manual_seed(1);
  const auto x = channels_last(torch::randn({5, 33, 20, 20})).to(torch::kBFloat16);
  const auto dy = channels_last(torch::randn({5, 33, 20, 20})).to(torch::kBFloat16);
  const auto weight = torch::randn({33, 33}).to(torch::kBFloat16);
  const int threads = at::get_num_threads();
  const Gradients many = gated(x, weight, x, dy, fused_by(*GetParam()));
  at::set_num_threads(1);
  const Gradients one = gated(x, weight, x, dy, fused_by(*GetParam()));
  at::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(one.y, many.y));
  EXPECT_TRUE(torch::equal(one.dx, many.dx));
}

TEST_P(Pointwise, OfAFrozenInputTheGateLearnsAlone) {
  torch::manual_seed(1);
  const auto x = channels_last(torch::randn({2, 5, 3, 4})).to(torch::kBFloat16);
  const auto weight = torch::randn({5}).requires_grad_();
  const auto gate = [&](const torch::Tensor& mean) {
    return mean.to(torch::kFloat) * weight.view({1, 5, 1, 1});
  };
  // In another layout than x, as a sum's gradient may be.
  fused_gate_by_mean(x, gate, {}, *GetParam())
      .backward(torch::ones({2, 5, 3, 4}, torch::kBFloat16));
  const auto exact = x.to(torch::kDouble);
  const auto want = exact.mean({2, 3}) * exact.sum({2, 3});  // [N, C]
  EXPECT_LT(distance(weight.grad(), want.sum(0)), 5e-3);
  const torch::NoGradGuard no_grad;
  EXPECT_LT(distance(fused_gate_by_mean(x, gate, {}, *GetParam()),
                     exact * exact.mean({2, 3}, true) * weight.view({1, 5, 1, 1})),
            5e-3);
}

TEST_P(Pointwise, AGateOfAnotherShapeIsRefused) {
  const auto x = channels_last(torch::randn({2, 4, 2, 2})).to(torch::kBFloat16);
  const auto one_a_photo = [](const torch::Tensor& mean) { return mean.mean(1, true); };
  EXPECT_THROW(fused_gate_by_mean(x, one_a_photo, {}, *GetParam()), std::exception);
}

TEST_P(Pointwise, AGateWithoutAGradientIsRefused) {  // x would silently get none
  const auto x = channels_last(torch::randn({1, 4, 2, 2})).to(torch::kBFloat16).requires_grad_();
  const auto constant = [](const torch::Tensor& mean) { return torch::ones_like(mean.detach()); };
  EXPECT_THROW(fused_gate_by_mean(x, constant, {}, *GetParam()), std::exception);
}

TEST(GateByMean, ByTorchsOperatorsIsItsDefinition) {
  torch::manual_seed(1);
  for (const bool residual : {false, true})
    for (const bool in_rows : {false, true}) {
      SCOPED_TRACE(join(residual, in_rows));
      const auto draw = [&] {
        const auto x = torch::randn({3, 7, 4, 5}, torch::kDouble);
        return in_rows ? channels_last(x) : x;
      };
      const auto x = draw(), dy = draw(), shortcut = residual ? draw() : torch::Tensor();
      const auto weight = torch::randn({7, 7}, torch::kDouble);
      const Gradients got = gated(x, weight, shortcut, dy, by_torch),
                      want = gated(x, weight, shortcut, dy, written_out);
      EXPECT_EQ(got.y.strides(), x.strides());
      EXPECT_EQ(got.dx.strides(), x.strides());
      EXPECT_LT(distance(got.y, want.y), 1e-15);
      EXPECT_LT(distance(got.dx, want.dx), 1e-15);
      EXPECT_LT(distance(got.dweight, want.dweight), 1e-14);
      if (residual) {
        EXPECT_TRUE(torch::equal(got.dshortcut, dy));
      }
    }
}

TEST(GateByMean, ByTorchsOperatorsKeepsBfloat16) {
  torch::manual_seed(1);
  const auto draw = [] { return torch::randn({3, 7, 4, 5}).to(torch::kBFloat16); };  // no rows
  const auto x = draw(), dy = draw(), shortcut = draw();
  const auto weight = torch::randn({7, 7}).to(torch::kBFloat16);
  const auto exact = [](const torch::Tensor& t) { return t.to(torch::kDouble); };
  const Gradients got = gated(x, weight, shortcut, dy, by_torch),
                  want = gated(exact(x), exact(weight), exact(shortcut), exact(dy), written_out);
  EXPECT_EQ(got.y.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(got.dx.scalar_type(), torch::kBFloat16);
  EXPECT_LT(distance(got.y, want.y), 5e-3);
  EXPECT_LT(distance(got.dx, want.dx), 5e-3);
  EXPECT_LT(distance(got.dweight, want.dweight), 2e-2);
}

TEST(GateByMean, ByTorchsOperatorsOfAFrozenInput) {
  torch::manual_seed(1);
  const auto x = torch::randn({2, 5, 3, 4}, torch::kDouble);
  const auto weight = torch::randn({1, 5, 1, 1}, torch::kDouble).requires_grad_();
  const auto gate = [&](const torch::Tensor& mean) { return mean * weight; };
  gate_by_mean(x, gate).backward(torch::ones_like(x));
  const auto want = (x.mean({2, 3}) * x.sum({2, 3})).sum(0);  // [C]
  EXPECT_LT(distance(weight.grad().flatten(), want), 1e-14);
  const torch::NoGradGuard no_grad;
  EXPECT_LT(distance(gate_by_mean(x, gate), written_out(x, gate, {})), 1e-15);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, Pointwise, testing::ValuesIn(supported_row_kernels()),
                         [](const auto& set) { return std::string(set.param->name); });

}  // namespace
}  // namespace shoplens
