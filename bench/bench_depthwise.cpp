// SPDX-License-Identifier: Apache-2.0
// A training step's share of one depthwise layer, forward and backward, channels last, batch 32,
// bfloat16 autocast where the processor has it, else float, as `shoplens train` does: ours (the
// time shown) and torch::conv2d's, one after the other in each iteration.
#include <ATen/autocast_mode.h>
#include <benchmark/benchmark.h>

#include <chrono>

#include "nn/conv2d.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Torch has no padding of its own that is not the same on both sides: it needs a padded copy.
torch::Tensor torch_conv(const torch::Tensor& x, const Conv2d& conv) {
  const auto& o = conv->options;
  const int half = o.kernel / 2;
  if (!o.same || o.stride == 1)
    return torch::conv2d(x, conv->weight, {}, o.stride, half, 1, o.groups);
  const auto before = [&](std::int64_t side) { return side % 2 == 0 ? half - 1 : half; };
  const std::int64_t h = before(x.size(2)), w = before(x.size(3));
  return torch::conv2d(torch::constant_pad_nd(x, {w, half, h, half}), conv->weight, {}, o.stride,
                       c10::IntArrayRef{0, 0}, 1, o.groups);
}

struct Times {
  double forward = 0, backward = 0;
  double total() const { return forward + backward; }
};

const bool kBf16 = __builtin_cpu_supports("avx512bf16");

template <class Forward>
Times measure(const torch::Tensor& grad_y, const Forward& run) {
  Times times;
  auto start = Clock::now();
  at::autocast::set_autocast_enabled(at::kCPU, kBf16);
  const torch::Tensor y = run();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  times.forward = seconds_since(start);
  start = Clock::now();
  y.backward(grad_y);
  times.backward = seconds_since(start);
  return times;
}

void BM_Depthwise(benchmark::State& state) {
  const auto channels = state.range(0), side = state.range(1);
  const bool same = state.range(4) != 0;
  Conv2d conv(Conv2dOptions{.in = channels,
                            .out = channels,
                            .kernel = static_cast<int>(state.range(2)),
                            .stride = static_cast<int>(state.range(3)),
                            .groups = channels,
                            .same = same});
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const auto type = torch::TensorOptions(kBf16 ? torch::kBFloat16 : torch::kFloat)
                        .memory_format(torch::MemoryFormat::ChannelsLast);
  const auto x = at::empty({32, channels, side, side}, type).normal_().requires_grad_();
  const auto out = (side + state.range(3) - 1) / state.range(3);
  const auto grad_y = at::empty({32, channels, out, out}, type).normal_();
  const auto clear = [&] { x.mutable_grad().reset(), conv->weight.mutable_grad().reset(); };

  Times ours, torch;
  const auto add = [](Times& sum, const Times& t) {
    sum.forward += t.forward, sum.backward += t.backward;
  };
  for (auto _ : state) {
    clear();
    const Times mine = measure(grad_y, [&] { return conv->forward(x); });
    clear();
    add(ours, mine);
    add(torch, measure(grad_y, [&] { return torch_conv(x, conv); }));
    state.SetIterationTime(mine.total());
  }
  const auto per_iteration = [](double seconds) {
    return benchmark::Counter(1e3 * seconds, benchmark::Counter::kAvgIterations);
  };
  state.counters["forward_ms"] = per_iteration(ours.forward);
  state.counters["torch_ms"] = per_iteration(torch.total());
  state.counters["torch_forward_ms"] = per_iteration(torch.forward);
  state.counters["times_faster"] = torch.total() / ours.total();
  state.counters["times_faster_forward"] = torch.forward / ours.forward;
}

// MobileNetV2 at 224 (same 0), then EfficientNet-B1 at 240.
BENCHMARK(BM_Depthwise)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->ArgNames({"channels", "side", "kernel", "stride", "same"})
    ->Args({32, 112, 3, 1, 0})
    ->Args({96, 112, 3, 2, 0})
    ->Args({144, 56, 3, 1, 0})
    ->Args({144, 56, 3, 2, 0})
    ->Args({192, 28, 3, 1, 0})
    ->Args({192, 28, 3, 2, 0})
    ->Args({384, 14, 3, 1, 0})
    ->Args({576, 14, 3, 1, 0})
    ->Args({576, 14, 3, 2, 0})
    ->Args({960, 7, 3, 1, 0})
    ->Args({32, 120, 3, 1, 1})
    ->Args({96, 120, 3, 2, 1})
    ->Args({144, 60, 3, 1, 1})
    ->Args({144, 60, 5, 2, 1})
    ->Args({240, 30, 5, 1, 1})
    ->Args({240, 30, 3, 2, 1})
    ->Args({480, 15, 3, 1, 1})
    ->Args({480, 15, 5, 1, 1})
    ->Args({672, 15, 5, 1, 1})
    ->Args({672, 15, 5, 2, 1})
    ->Args({1152, 8, 5, 1, 1})
    ->Args({1920, 8, 3, 1, 1});

}  // namespace
}  // namespace shoplens
