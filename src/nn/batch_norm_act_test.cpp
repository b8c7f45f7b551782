// SPDX-License-Identifier: Apache-2.0
#include "nn/batch_norm_act.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <string>

namespace shoplens {
namespace {

constexpr double kEps = 1e-3, kMomentum = 0.1;

struct Result {
  torch::Tensor y, dx, dweight, dbias, running_mean, running_var;
};

torch::Tensor epilogue_of(Epilogue epilogue, const torch::Tensor& z) {
  switch (epilogue) {
    case Epilogue::kNone:
      return z;
    case Epilogue::kRelu:
      return torch::relu(z);
    case Epilogue::kRelu6:
      return torch::hardtanh(z, 0, 6);
    case Epilogue::kSilu:
      return torch::silu(z);
    case Epilogue::kHardSwish:
      return torch::hardswish(z);
  }
  return z;
}

// Weights around 2, so that relu6 cuts on both sides.
BatchNorm make_norm(std::int64_t channels, bool training) {
  torch::manual_seed(3);
  const torch::NoGradGuard no_grad;
  BatchNorm norm(channels, kEps, kMomentum);
  norm->weight.copy_(torch::randn({channels}) + 2);
  norm->bias.copy_(torch::randn({channels}) + 1);
  norm->running_mean.copy_(torch::randn({channels}));
  norm->running_var.copy_(torch::rand({channels}) + 0.5);
  norm->train(training);
  return norm;
}

Result ours(const RowKernels& kernels, Epilogue epilogue, const torch::Tensor& x,
            const torch::Tensor& dy, bool training) {
  BatchNorm norm = make_norm(x.size(1), training);
  const torch::Tensor leaf = x.detach().requires_grad_();
  const torch::Tensor y = fused_batch_norm(*norm, epilogue, leaf, kernels);
  y.backward(dy);
  return {y.detach(),        leaf.grad(),        norm->weight.grad(),
          norm->bias.grad(), norm->running_mean, norm->running_var};
}

Result oracle(Epilogue epilogue, const torch::Tensor& x, const torch::Tensor& dy, bool training) {
  BatchNorm norm = make_norm(x.size(1), training);
  norm->to(torch::kDouble);
  const torch::Tensor leaf = x.detach().to(torch::kDouble).requires_grad_();
  const torch::Tensor y =
      epilogue_of(epilogue, torch::batch_norm(leaf, norm->weight, norm->bias, norm->running_mean,
                                              norm->running_var, training, kMomentum, kEps, false));
  y.backward(dy.to(torch::kDouble));
  return {y.detach(),        leaf.grad(),        norm->weight.grad(),
          norm->bias.grad(), norm->running_mean, norm->running_var};
}

// The error's length over the whole's: a value that meets a corner of relu6 on the other side for
// a rounding's sake is seen, but does not decide.
double distance(const torch::Tensor& got, const torch::Tensor& want) {
  const torch::Tensor exact = want.to(torch::kDouble);
  return ((got.to(torch::kDouble) - exact).norm() / (exact.norm() + 1e-12)).item<double>();
}

// `tolerance` for what has the type of x, `sum_tolerance` for what is float.
void expect_near(const Result& got, const Result& want, double tolerance, double sum_tolerance) {
  EXPECT_LT(distance(got.y, want.y), tolerance);
  EXPECT_LT(distance(got.dx, want.dx), tolerance);
  EXPECT_LT(distance(got.dweight, want.dweight), sum_tolerance);
  EXPECT_LT(distance(got.dbias, want.dbias), sum_tolerance);
  EXPECT_LT(distance(got.running_mean, want.running_mean), sum_tolerance);
  EXPECT_LT(distance(got.running_var, want.running_var), sum_tolerance);
}

torch::Tensor channels_last(const torch::Tensor& x) {
  return x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

// Rounding to bfloat16 is off by 2^-9 at most.
double rounding(torch::ScalarType type) { return type == torch::kFloat ? 2e-6 : 4e-3; }

class FusedNorm : public testing::TestWithParam<const RowKernels*> {};

TEST_P(FusedNorm, EqualsTorchInDouble) {
  const std::vector<std::vector<std::int64_t>> shapes{
      {2, 5, 3, 3}, {1, 17, 7, 9}, {3, 96, 11, 13}, {2, 24, 40, 40},
      {40, 33},     {2, 8},        {1, 1, 1, 2},    {3, 1280, 7, 7},
  };
  for (const auto& shape : shapes)
    for (const auto type : {torch::kFloat, torch::kBFloat16})
      for (const Epilogue epilogue : {Epilogue::kNone, Epilogue::kRelu, Epilogue::kRelu6,
                                      Epilogue::kSilu, Epilogue::kHardSwish})
        for (const bool training : {true, false}) {
          SCOPED_TRACE(testing::PrintToString(shape) + " " + torch::toString(type) + " epilogue " +
                       std::to_string(static_cast<int>(epilogue)) +
                       (training ? " training" : " eval"));
          torch::manual_seed(1);
          const auto x = channels_last(torch::randn(shape) * 2 + 0.5).to(type);
          const auto dy = channels_last(torch::randn(shape)).to(type);
          const Result got = ours(*GetParam(), epilogue, x, dy, training);
          EXPECT_EQ(got.y.scalar_type(), type);
          EXPECT_EQ(got.y.strides(), x.strides());
          // Of two rows nearly all of dx cancels: x's two normal values are +-1 for any x.
          if (training && x.numel() / x.size(1) == 2) {
            EXPECT_LT(distance(got.y, oracle(epilogue, x, dy, training).y), rounding(type));
            continue;
          }
          expect_near(got, oracle(epilogue, x, dy, training), rounding(type), 3e-6);
        }
}

TEST_P(FusedNorm, KeepsASmallVarianceBesideALargeMean) {
  torch::manual_seed(2);
  // The running mean is far off too; float has 24 bits, and 1000 +- 0.1 leaves 11 of them.
  const auto x = channels_last(torch::randn({4, 20, 30, 30}) * 0.1 + 1000);
  const auto dy = channels_last(torch::randn({4, 20, 30, 30}));
  const Result got = ours(*GetParam(), Epilogue::kSilu, x, dy, true);
  const Result want = oracle(Epilogue::kSilu, x, dy, true);
  EXPECT_LT(distance(got.running_var, want.running_var), 1e-6);
  EXPECT_LT(distance(got.y, want.y), 1e-3);  // the mean is a float: off by 3e-5 of 0.1
  EXPECT_LT(distance(got.dx, want.dx), 1e-3);
}

TEST_P(FusedNorm, GivesTheSameBitsForAnyNumberOfThreads) {
  torch::manual_seed(4);
  const int before = at::get_num_threads();
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const auto x = channels_last(torch::randn({5, 97, 31, 31})).to(type);
    const auto dy = channels_last(torch::randn({5, 97, 31, 31})).to(type);
    at::set_num_threads(1);
    const Result one = ours(*GetParam(), Epilogue::kSilu, x, dy, true);
    for (const int threads : {2, 3, 4}) {
      at::set_num_threads(threads);
      const Result many = ours(*GetParam(), Epilogue::kSilu, x, dy, true);
      EXPECT_TRUE(torch::equal(one.y, many.y));
      EXPECT_TRUE(torch::equal(one.dx, many.dx));
      EXPECT_TRUE(torch::equal(one.dweight, many.dweight));
      EXPECT_TRUE(torch::equal(one.dbias, many.dbias));
      EXPECT_TRUE(torch::equal(one.running_mean, many.running_mean));
      EXPECT_TRUE(torch::equal(one.running_var, many.running_var));
    }
  }
  at::set_num_threads(before);
}

TEST_P(FusedNorm, RoundsToBfloat16AsTorchDoes) {
  BatchNorm norm(1, 0.0);  // passes x on
  norm->eval();
  const auto x = torch::cat({torch::randn({4001, 1}), torch::full({1, 1}, NAN),
                             torch::full({1, 1}, 1e30), torch::full({1, 1}, 1 + 0.00390625)});
  const auto scaled = x.to(torch::kBFloat16);
  norm->weight.detach().fill_(1.0 / 3);
  const auto want = (scaled.to(torch::kFloat) * norm->weight.detach()).to(torch::kBFloat16);
  const torch::NoGradGuard no_grad;
  const auto got = fused_batch_norm(*norm, Epilogue::kNone, scaled, *GetParam());
  EXPECT_TRUE(torch::equal(got.isnan(), want.isnan()));
  EXPECT_TRUE(torch::equal(got.nan_to_num(), want.nan_to_num()));
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, FusedNorm, testing::ValuesIn(supported_row_kernels()),
                         [](const auto& test) { return std::string(test.param->name); });

TEST(NormActivate, TakesTorchsOperatorsWhereItDoesNotFuse) {
  torch::manual_seed(5);
  const auto x = torch::randn({2, 6, 5, 5});  // contiguous
  for (const Activation activation :
       {Activation::kRelu, Activation::kRelu6, Activation::kSilu, Activation::kGelu}) {
    BatchNorm fused = make_norm(6, true), apart = make_norm(6, true), exact = make_norm(6, true);
    exact->to(torch::kDouble);
    const auto want = activate(activation, exact->forward(x.to(torch::kDouble)));
    EXPECT_LT(distance(norm_activate(apart, activation, x), want), 1e-6);
    EXPECT_LT(distance(norm_activate(fused, activation, channels_last(x)), want), 1e-6);
    EXPECT_EQ(fused->num_batches_tracked.item<std::int64_t>(), 1);
    EXPECT_EQ(apart->num_batches_tracked.item<std::int64_t>(), 1);
    EXPECT_TRUE(torch::allclose(fused->running_var, apart->running_var));
  }
}

TEST(NormActivate, TakesAGradientOfAnyLayout) {
  torch::manual_seed(6);
  const auto x = channels_last(torch::randn({3, 6, 5, 5}));
  BatchNorm norm = make_norm(6, true), exact = make_norm(6, true);
  exact->to(torch::kDouble);
  const auto leaf = x.clone().requires_grad_();
  const auto leaf64 = x.to(torch::kDouble).requires_grad_();
  // The mean's gradient is one value, expanded.
  (norm_activate(norm, Activation::kSilu, leaf).mean({2, 3}).square().sum()).backward();
  (norm_activate(exact, Activation::kSilu, leaf64).mean({2, 3}).square().sum()).backward();
  EXPECT_LT(distance(leaf.grad(), leaf64.grad()), 2e-6);
}

}  // namespace
}  // namespace shoplens
