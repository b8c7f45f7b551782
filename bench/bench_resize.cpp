// SPDX-License-Identifier: Apache-2.0
// A photo's way from decoded pixels to the network. For Pillow's figure beside BM_Resize, time
// Image.resize((224, 224), ...) of a picture of the same size with `python -m timeit -p` (CPU
// time).
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "image/augment.h"
#include "image/preprocess.h"
#include "image/resize.h"

namespace shoplens {
namespace {

Image noise(int width, int height) {
  Image image(width, height);
  Random random{1};
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(random.next());
  return image;
}

void BM_Resize(benchmark::State& state) {
  const Image image = noise(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const auto interpolation = static_cast<Interpolation>(state.range(2));
  state.SetLabel(to_string(interpolation));
  for (auto _ : state) benchmark::DoNotOptimize(resize(image, 224, 224, interpolation));
}
BENCHMARK(BM_Resize)
    ->Unit(benchmark::kMillisecond)
    ->ArgNames({"width", "height", "bicubic"})
    ->Args({341, 256, 0})
    ->Args({640, 480, 0})
    ->Args({1024, 768, 0})
    ->Args({4000, 3000, 0})
    ->Args({341, 256, 1})
    ->Args({640, 480, 1})
    ->Args({1024, 768, 1})
    ->Args({4000, 3000, 1});

void BM_Preprocess(benchmark::State& state) {
  const Image image = noise(341, 256);
  Preprocessing preprocessing;
  preprocessing.fit = static_cast<Fit>(state.range(0));
  state.SetLabel(to_string(preprocessing.fit));
  std::vector<float> out(3 * 224 * 224);
  for (auto _ : state) {
    preprocess(image, preprocessing, out.data());
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(BM_Preprocess)->Unit(benchmark::kMillisecond)->DenseRange(0, 2);

void BM_Normalize(benchmark::State& state) {
  const Image image = noise(224, 224);
  std::vector<float> out(3 * 224 * 224);
  for (auto _ : state) {
    normalize(image, {}, out.data());
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(BM_Normalize)->Unit(benchmark::kMillisecond);

// The default steps one by one, then together with their probabilities.
void BM_Augment(benchmark::State& state) {
  const Image image = noise(224, 224);
  AugmentOptions options;
  if (const auto step = state.range(0); step != 0) {
    options.hflip = step == 1;
    options.jpeg = step == 2;
    options.shift_scale_rotate = step == 3;
    options.color_jitter_prob = step == 4;
    options.cutout = step == 5;
    state.SetLabel(
        std::vector{"", "hflip", "jpeg", "shift_scale_rotate", "color_jitter", "cutout"}[step]);
  } else {
    state.SetLabel("defaults");
  }
  std::uint64_t sample = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(augment_fitted(image, options, Random{1, ++sample}));
}
BENCHMARK(BM_Augment)->Unit(benchmark::kMillisecond)->DenseRange(0, 5);

}  // namespace
}  // namespace shoplens
