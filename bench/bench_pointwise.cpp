// SPDX-License-Identifier: Apache-2.0
// GELU, and squeeze-and-excitation with its residual sum, of bfloat16, forwards and backwards: in
// passes of our own, and by torch's operators. Both in turn in every iteration, so that other load
// touches both; time is ours, `torch_ms` theirs, `times_faster` theirs over ours.
#include <benchmark/benchmark.h>

#include <chrono>

#include "nn/pointwise.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

torch::Tensor make(const benchmark::State& state) {
  return torch::randn({32, state.range(0), state.range(1), state.range(1)})
      .to(torch::kBFloat16)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

template <class Forward>
double seconds(const torch::Tensor& x, const torch::Tensor& dy, const Forward& forward) {
  const torch::Tensor leaf = x.detach().requires_grad_();
  const auto start = Clock::now();
  forward(leaf).backward(dy);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Ours, class Torchs>
void in_turn(benchmark::State& state, const Ours& ours, const Torchs& torchs) {
  const torch::Tensor x = make(state), dy = make(state);
  seconds(x, dy, ours);
  seconds(x, dy, torchs);
  double our_time = 0, torch_time = 0;
  for (auto _ : state) {
    const double time = seconds(x, dy, ours);
    state.SetIterationTime(time);
    our_time += time;
    torch_time += seconds(x, dy, torchs);
  }
  state.counters["torch_ms"] = 1e3 * torch_time / static_cast<double>(state.iterations());
  state.counters["times_faster"] = torch_time / our_time;
}

void BM_Gelu(benchmark::State& state) {
  in_turn(
      state, [](const auto& x) { return exact_gelu(x); },
      [](const auto& x) { return torch::gelu(x); });
}

void BM_Gate(benchmark::State& state) {
  const torch::Tensor shortcut = make(state);
  in_turn(
      state,
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
