// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <benchmark/benchmark.h>
#include <torch/types.h>

#include "timing.h"

namespace shoplens {

/// Forwards and backwards of a layer, ours and Torch's in turn in every iteration, so that other
/// load on the machine touches both: time is ours, `torch_ms` theirs, `times_faster` theirs over
/// ours. Each is given a leaf with the values of x, and dy is the gradient of what it returns.
template <class Ours, class Torchs>
void time_in_turn(benchmark::State& state, const torch::Tensor& x, const torch::Tensor& dy,
                  const Ours& ours, const Torchs& torchs) {
  const auto seconds = [&](const auto& forward) {
    const torch::Tensor leaf = x.detach().requires_grad_();
    return seconds_of([&] { forward(leaf).backward(dy); });
  };
  seconds(ours);
  seconds(torchs);
  double our_time = 0, torch_time = 0;
  for (auto _ : state) {
    const double time = seconds(ours);
    state.SetIterationTime(time);
    our_time += time;
    torch_time += seconds(torchs);
  }
  state.counters["torch_ms"] = 1e3 * torch_time / static_cast<double>(state.iterations());
  state.counters["times_faster"] = torch_time / our_time;
}

}  // namespace shoplens
