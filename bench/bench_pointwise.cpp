// SPDX-License-Identifier: Apache-2.0
// GELU, and squeeze-and-excitation with its residual sum, of bfloat16, forwards and backwards: in
// passes of our own, and by torch's operators (layer_timing.h).
#include "layer_timing.h"
#include "nn/pointwise.h"

namespace shoplens {
namespace {

torch::Tensor make(const benchmark::State& state) {
  return torch::randn({32, state.range(0), state.range(1), state.range(1)})
      .to(torch::kBFloat16)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

void BM_Gelu(benchmark::State& state) {
  time_in_turn(
      state, make(state), make(state), [](const auto& x) { return exact_gelu(x); },
      [](const auto& x) { return torch::gelu(x); });
}

void BM_Gate(benchmark::State& state) {
  const torch::Tensor shortcut = make(state);
  time_in_turn(
      state, make(state), make(state),
      [&](const auto& x) {
        return gate_by_mean(x, [](const auto& mean) { return mean.sigmoid(); }, shortcut);
      },
      [&](const auto& x) {
        return torch::addcmul(shortcut, x, x.mean({2, 3}, /*keepdim=*/true).sigmoid());
      });
}

void sizes(benchmark::internal::Benchmark* benchmark) {  // NFNet-F0's at 192
  benchmark->Unit(benchmark::kMillisecond)
      ->UseManualTime()
      ->MinTime(2)
      ->ArgNames({"channels", "side"});
  for (const auto& size : {std::pair{256, 48}, {512, 24}, {1536, 12}})
    benchmark->Args({size.first, size.second});
}
BENCHMARK(BM_Gelu)->Apply(sizes);
BENCHMARK(BM_Gate)->Apply(sizes);

}  // namespace
}  // namespace shoplens
