// SPDX-License-Identifier: Apache-2.0
#include "train/norm_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/random.h"

namespace shoplens {
namespace {

TEST(RestateNorms, GivesTheMeanOfTheBatchesStatistics) {
  constexpr int kSize = 32, kBatch = 4, kPhotos = 12;
  constexpr std::size_t kFloats = std::size_t{3} * kSize * kSize;
  torch::manual_seed(1);
  EmbeddingModel model({.arch = "mobilenetv2_100", .pool = "gem", .dim = 8, .drop_path_rate = 0});
  const auto load = [](std::int64_t sample, float* out) {
    Random random{static_cast<std::uint64_t>(sample)};
    std::generate(out, out + kFloats, [&] { return static_cast<float>(random.uniform(-1, 2)); });
  };
  std::vector<std::int64_t> order(kPhotos);
  for (std::int64_t i = 0; i < kPhotos; ++i) order[i] = i;
  const Execution execution{.device = torch::kCPU, .bf16 = false};
  DeviceBatches batches(std::make_unique<Loader>(order, kFloats, load,
                                                 LoaderOptions{.batch_size = kBatch, .threads = 1}),
                        kSize, execution);
  restate_norms(model, batches, execution, [](const auto&) {});

  // The first norm's input by hand: the stem's output in train mode, batch by batch.
  const auto state = model.state();
  const auto tensor = [&](const std::string& name) {
    return std::find_if(state.begin(), state.end(), [&](const auto& t) { return t.first == name; })
        ->second;
  };
  torch::Tensor mean = torch::zeros({32}), var = torch::zeros({32});
  for (int b = 0; b < kPhotos / kBatch; ++b) {
    torch::Tensor x = torch::empty({kBatch, 3, kSize, kSize});
    for (int i = 0; i < kBatch; ++i) load(b * kBatch + i, x[i].data_ptr<float>());
    const torch::NoGradGuard no_grad;
    const torch::Tensor y =
        torch::conv2d(x, tensor("conv_stem.weight"), {}, /*stride=*/2, /*padding=*/1);
    mean += y.mean({0, 2, 3}) / 3;
    var += y.var({0, 2, 3}, /*unbiased=*/true) / 3;
  }
  EXPECT_TRUE(torch::allclose(tensor("bn1.running_mean"), mean, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(tensor("bn1.running_var"), var, 1e-4, 1e-5));
}

}  // namespace
}  // namespace shoplens
