// SPDX-License-Identifier: Apache-2.0
#include "data/loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "core/random.h"
#include "data/sampler.h"

namespace shoplens {
namespace {

constexpr std::size_t kWidth = 5;

// Sample s is s, s+0.25, ...; multiples of `bad` fail; takes a random time, so that threads
// overtake each other.
Loader::Load load_failing(std::int64_t bad) {
  return [bad](std::int64_t sample, float* out) {
    Random random{static_cast<std::uint64_t>(sample)};
    std::this_thread::sleep_for(std::chrono::microseconds(random.integer(0, 300)));
    for (std::size_t i = 0; i < kWidth; ++i)
      out[i] = static_cast<float>(sample) + 0.25f * static_cast<float>(i);
    if (sample % bad == 0) throw Error(ErrorCode::kCorrupt, join("photo ", sample));
  };
}

void expect_batch(const Batch& batch, const std::vector<std::int64_t>& order, std::size_t first,
                  std::size_t count, std::int64_t bad) {
  std::vector<std::int64_t> good, failed;
  for (std::size_t i = first; i < first + count; ++i)
    (order[i] % bad ? good : failed).push_back(order[i]);
  ASSERT_EQ(batch.samples, good);
  ASSERT_EQ(batch.data.size(), good.size() * kWidth);
  for (std::size_t i = 0; i < batch.data.size(); ++i)
    ASSERT_EQ(batch.data[i],
              static_cast<float>(good[i / kWidth]) + 0.25f * static_cast<float>(i % kWidth));
  ASSERT_EQ(batch.errors.size(), failed.size());
  for (std::size_t i = 0; i < failed.size(); ++i) {
    EXPECT_EQ(batch.errors[i].sample, failed[i]);
    EXPECT_EQ(batch.errors[i].error.what(), join("photo ", failed[i]));
  }
}

TEST(Loader, GivesTheSameBatchesForAnyNumberOfThreadsAndPrefetch) {
  const auto order = shuffled_order(203, 1, 0);
  for (const int threads : {1, 2, 7})
    for (const int prefetch : {1, 2, 50})
      for (const bool recycle : {false, true}) {
        Loader loader(order, kWidth, load_failing(9),
                      {.batch_size = 16, .threads = threads, .prefetch = prefetch});
        std::size_t first = 0;
        while (auto batch = loader.next()) {
          const std::size_t count = std::min<std::size_t>(16, order.size() - first);
          expect_batch(*batch, order, first, count, 9);
          first += count;
          if (recycle) loader.recycle(std::move(*batch));
        }
        EXPECT_EQ(first, order.size());
        EXPECT_FALSE(loader.next());  // and stays at the end
      }
}

TEST(Loader, ASequenceIsTheSequentialOrder) {
  for (const std::size_t count : {0, 1, 16, 37}) {
    Loader loader(Sequence{count}, kWidth, load_failing(9), {.batch_size = 16, .threads = 3});
    const auto order = sequential_order(static_cast<std::int64_t>(count));
    std::size_t first = 0;
    while (auto batch = loader.next()) {
      const std::size_t size = std::min<std::size_t>(16, count - first);
      expect_batch(*batch, order, first, size, 9);
      first += size;
    }
    EXPECT_EQ(first, count);
  }
}

TEST(Loader, DropsAnUnfilledLastBatchWhenAsked) {
  for (const int size : {0, 3, 4, 10}) {
    Loader loader(sequential_order(size), kWidth, load_failing(1000),
                  {.batch_size = 4, .drop_last = true});
    int batches = 0;
    while (loader.next()) ++batches;
    EXPECT_EQ(batches, size / 4);
  }
}

TEST(Loader, ABatchOfFailuresIsABatchWithoutSamples) {
  Loader loader({7, 14, 3}, kWidth, load_failing(7), {.batch_size = 2});
  const auto batch = loader.next();
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->samples.empty());
  EXPECT_TRUE(batch->data.empty());
  EXPECT_EQ(batch->errors.size(), 2u);
  EXPECT_EQ(loader.next()->samples, std::vector<std::int64_t>{3});
}

TEST(Loader, RethrowsOtherExceptionsInTheirBatchsPlace) {
  const auto load = [](std::int64_t sample, float*) {
    if (sample >= 25) throw std::runtime_error("bug at " + std::to_string(sample));
  };
  Loader loader(sequential_order(40), 1, load, {.batch_size = 10, .threads = 3});
  EXPECT_EQ(loader.next()->samples.size(), 10u);
  EXPECT_EQ(loader.next()->samples.size(), 10u);
  for (int again = 0; again < 2; ++again) try {
      loader.next();
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "bug at 25");  // the first in the order, whichever was met first
    }
}

TEST(Loader, LoadsAtMostPrefetchBatchesAhead) {
  std::atomic<int> loaded{0};
  Loader loader(sequential_order(100), 1, [&](std::int64_t, float*) { ++loaded; },
                {.batch_size = 5, .threads = 4, .prefetch = 3});
  for (int taken = 0; taken < 20; ++taken) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_LE(loaded, 5 * (taken + 3));
    loader.next();
  }
  EXPECT_EQ(loaded, 100);
}

TEST(Loader, ThreadsShareTheSamplesOfOneBatch) {
  std::atomic<int> inside{0}, most{0};
  const auto load = [&](std::int64_t, float*) {
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    --inside;
  };
  Loader loader(sequential_order(4), 1, load, {.batch_size = 4, .threads = 4, .prefetch = 1});
  loader.next();
  EXPECT_GE(most, 2);
}

TEST(Loader, StopsInTheMiddle) {
  std::atomic<int> loaded{0};
  {
    Loader loader(sequential_order(1'000'000), 1,
                  [&](std::int64_t, float*) {
                    std::this_thread::sleep_for(std::chrono::milliseconds(1));
                    ++loaded;
                  },
                  {.batch_size = 1000, .threads = 3, .prefetch = 100});
  }
  EXPECT_LT(loaded, 1000);
}

TEST(Loader, StopsWhileItsThreadsWaitForRoom) {
  Loader loader(sequential_order(100), 1, [](std::int64_t, float*) {},
                {.batch_size = 1, .threads = 2, .prefetch = 2});
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST(Loader, MeasuresTheWait) {
  std::atomic<int> loaded{0};
  Loader loader(sequential_order(2), 1,
                [&](std::int64_t, float*) {
                  std::this_thread::sleep_for(std::chrono::milliseconds(30));
                  ++loaded;
                },
                {.batch_size = 1, .threads = 2});
  EXPECT_EQ(loader.wait_seconds(), 0);
  loader.next();
  const double first = loader.wait_seconds();
  EXPECT_GT(first, 0.01);
  while (loaded < 2) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  loader.next();  // it was ready
  EXPECT_LT(loader.wait_seconds() - first, 0.02);
}

TEST(Loader, ReusesRecycledMemory) {
  Loader loader(sequential_order(60), 1000, [](std::int64_t, float*) {},
                {.batch_size = 10, .threads = 1, .prefetch = 1});
  auto batch = loader.next();
  auto held =
      loader.next();  // a second buffer, so that the first can go back while this one is in use
  const float* memory = batch->data.data();
  loader.recycle(std::move(*batch));
  bool seen = false;
  for (int i = 0; i < 4; ++i) {
    held = loader.next();
    seen |= held->data.data() == memory;
  }
  EXPECT_TRUE(seen);
}

TEST(Loader, TakesItsMemoryFromWhereItIsTold) {
  std::atomic<int> taken = 0;
  LoaderOptions options{.batch_size = 10, .threads = 2, .prefetch = 2};
  options.allocate = [&](std::size_t floats) {
    EXPECT_EQ(floats, 10 * kWidth);
    ++taken;
    return std::make_shared<float[]>(floats);
  };
  Loader loader(sequential_order(95), kWidth, load_failing(1000), options);
  for (std::size_t first = 0; auto batch = loader.next(); first += 10) {
    expect_batch(*batch, sequential_order(95), first, std::min<std::size_t>(10, 95 - first), 1000);
    loader.recycle(std::move(*batch));
  }
  EXPECT_LE(taken, 4);  // of 10 batches: two being made, one in use, one on its way back
}

TEST(Loader, RefusesOptionsBelowOne) {
  for (const LoaderOptions& options :
       {LoaderOptions{.batch_size = 0}, {.threads = 0}, {.prefetch = 0}})
    EXPECT_THROW(Loader({}, 1, [](std::int64_t, float*) {}, options), Error);
}

}  // namespace
}  // namespace shoplens
