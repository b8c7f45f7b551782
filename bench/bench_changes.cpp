// SPDX-License-Identifier: Apache-2.0
// What a change of an index costs: a vector added or removed, and the same of a copy that others
// are still searching, as a server makes it (the copy shares what is not changed).
#include <benchmark/benchmark.h>

#include <optional>

#include "core/random.h"
#include "index/exact_index.h"

namespace shoplens {
namespace {

constexpr int kDim = 512;

std::vector<float> vectors(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count) * kDim);
  Random random{1};
  for (float& x : values) x = static_cast<float>(random.uniform(-1, 1));
  l2_normalize(values, kDim);
  return values;
}

// Adds and removes one vector, an iteration, of an index of so many; `copied`: each of a new copy.
void BM_AddAndRemove(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  const bool copied = state.range(1) != 0;
  ExactIndex index(kDim);
  index.add_rows(vectors(count));
  const auto one = vectors(1);
  std::int64_t id = count;
  Random random{2};
  for (auto _ : state) {
    std::optional<ExactIndex> copy;
    if (copied) copy = index;
    ExactIndex& changed = copied ? *copy : index;
    const std::int64_t added = id++;
    changed.add(std::span(&added, 1), one);
    const auto removed = copied ? random.integer(0, static_cast<int>(count) - 1) : added;
    benchmark::DoNotOptimize(changed.remove(std::span(&removed, 1)));
  }
}
BENCHMARK(BM_AddAndRemove)
    ->Unit(benchmark::kMicrosecond)
    ->ArgNames({"vectors", "copied"})
    ->ArgsProduct({{48'000, 1'000'000}, {0, 1}});

}  // namespace
}  // namespace shoplens
