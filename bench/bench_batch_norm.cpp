// SPDX-License-Identifier: Apache-2.0
// Batch norm + activation, forwards and backwards in training: fused, and as torch's two operators.
// (layer_timing.h). Bfloat16 where the processor has it, else float, as `shoplens train` does.
#include "layer_timing.h"
#include "nn/batch_norm_act.h"

namespace shoplens {
namespace {

void BM_BatchNorm(benchmark::State& state) {
  const auto activation = static_cast<Activation>(state.range(2));
  const std::int64_t channels = state.range(0), side = state.range(1);
  const auto make = [&] {
    return torch::randn({32, channels, side, side})
        .to(__builtin_cpu_supports("avx512bf16") ? torch::kBFloat16 : torch::kFloat)
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  const torch::Tensor x = make(), dy = make();
  BatchNorm norm(channels);
  const auto fused = [&](const torch::Tensor& leaf) {
    return norm_activate(norm, activation, leaf);
  };
  const auto apart = [&](const torch::Tensor& leaf) {
    return activate(activation,
                    torch::batch_norm(leaf, norm->weight, norm->bias, norm->running_mean,
                                      norm->running_var, true, norm->momentum, norm->eps, false));
  };
  time_in_turn(state, x, dy, fused, apart);
  state.SetLabel(activation == Activation::kSilu ? "silu" : "relu6");
}
BENCHMARK(BM_BatchNorm)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->MinTime(2)
    ->ArgNames({"channels", "side", "activation"})
    ->ArgsProduct({{96},
                   {112},
                   {static_cast<int>(Activation::kRelu6), static_cast<int>(Activation::kSilu)}})
    ->ArgsProduct({{144},
                   {56},
                   {static_cast<int>(Activation::kRelu6), static_cast<int>(Activation::kSilu)}})
    ->ArgsProduct({{576},
                   {14},
                   {static_cast<int>(Activation::kRelu6), static_cast<int>(Activation::kSilu)}});

}  // namespace
}  // namespace shoplens
