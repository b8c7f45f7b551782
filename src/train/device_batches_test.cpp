// SPDX-License-Identifier: Apache-2.0
#include "train/device_batches.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "core/error.h"
#include "data/sampler.h"

namespace shoplens {
namespace {

constexpr int kSize = 4, kBatch = 3;
constexpr std::size_t kFloats = std::size_t{3} * kSize * kSize;

// Photos of one number each, their own, but where `load_or_throw` throws.
DeviceBatches batches_of(
    std::int64_t photos, const Execution& execution,
    const std::function<void(std::int64_t)>& load_or_throw = [](auto) {}) {
  LoaderOptions options{.batch_size = kBatch, .threads = 2, .prefetch = 2};
  if (execution.device.is_cuda()) options.allocate = pinned_memory;
  const auto load = [=](std::int64_t sample, float* out) {
    load_or_throw(sample);
    std::fill_n(out, kFloats, static_cast<float>(sample));
  };
  return {std::make_unique<Loader>(sequential_order(photos), kFloats, load, options), kSize,
          execution};
}

// What each batch holds: the number of each photo, once all its pixels were seen to be it.
std::vector<std::vector<double>> read_all(DeviceBatches& batches, const Execution& execution,
                                          bool ahead) {
  std::vector<std::vector<double>> all;
  while (auto item = batches.next()) {
    if (ahead) batches.copy_ahead();
    auto& numbers = all.emplace_back();
    if (!item->batch.samples.empty()) {
      EXPECT_EQ(item->x.scalar_type(), execution.weights);
      EXPECT_EQ(item->x.is_contiguous(at::MemoryFormat::ChannelsLast), execution.channels_last);
      const at::Tensor x = item->x.to(at::kCPU, at::kDouble).flatten(1);
      EXPECT_TRUE(x.amin(1).equal(x.amax(1)));
      for (std::int64_t i = 0; i < x.size(0); ++i) numbers.push_back(x[i][0].item<double>());
    }
    batches.recycle(std::move(*item));
  }
  return all;
}

using Numbers = std::vector<std::vector<double>>;

void expect_batches_in_order(const Execution& execution) {
  for (const bool ahead : {false, true}) {
    DeviceBatches batches = batches_of(8, execution);
    EXPECT_EQ(read_all(batches, execution, ahead), (Numbers{{0, 1, 2}, {3, 4, 5}, {6, 7}}));
    EXPECT_FALSE(batches.next());
  }
}

void expect_a_batch_without_a_photo(const Execution& execution) {
  DeviceBatches batches = batches_of(8, execution, [](std::int64_t sample) {
    if (sample == 1 || (sample >= 3 && sample < 6))
      throw Error(ErrorCode::kBadInput, "cut off", "");
  });
  EXPECT_EQ(read_all(batches, execution, true), (Numbers{{0, 2}, {}, {6, 7}}));
}

// A loader that cannot go on says so in the place of its batch, and does not merely end.
void expect_a_failure_to_be_thrown(const Execution& execution) {
  DeviceBatches batches = batches_of(8, execution, [](std::int64_t sample) {
    if (sample == 4) throw std::runtime_error("no memory");
  });
  EXPECT_TRUE(batches.next());
  EXPECT_THROW(batches.next(), std::runtime_error);
  EXPECT_THROW(batches.next(), std::runtime_error);
}

TEST(DeviceBatches, AreTheLoadersOnAProcessor) {
  expect_batches_in_order({.bf16 = false});
  expect_batches_in_order({.bf16 = false, .weights = at::kDouble, .channels_last = false});
  expect_a_batch_without_a_photo({});
  expect_a_failure_to_be_thrown({});
}

TEST(DeviceBatches, AreNotCopiedOnAProcessorThatWantsThemAsTheyLie) {
  DeviceBatches batches = batches_of(3, {.channels_last = false});
  const auto item = batches.next();
  EXPECT_EQ(item->x.const_data_ptr(), item->batch.data.data());
}

TEST(DeviceBatches, AreTheLoadersOnCuda) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  expect_batches_in_order({.device = at::kCUDA});
  expect_batches_in_order({.device = at::kCUDA, .weights = at::kDouble, .channels_last = false});
  expect_a_batch_without_a_photo({.device = at::kCUDA});
  expect_a_failure_to_be_thrown({.device = at::kCUDA});
}

}  // namespace
}  // namespace shoplens
