// SPDX-License-Identifier: Apache-2.0
#include "serve/batcher.h"

#include <atomic>
#include <cmath>
#include <latch>
#include <thread>

#include "core/error.h"
#include "recognize/test_catalogue.h"
#include "serve/http.h"

namespace shoplens {
namespace {

class BatcherTest : public TestCatalogue {
 protected:
  std::shared_ptr<const Pipeline> pipeline(int streams = 1) const {
    return std::make_shared<const Pipeline>(open(streams));
  }
  static std::vector<float> prepared(const Pipeline& pipeline, int seed) {
    std::vector<float> out(pipeline.floats_per_photo());
    prepare(pipeline, seed, out.data());
    return out;
  }
};

// As many calls as a batcher of one stream makes at once, which do not end until they may.
struct HeldCalls {
  static constexpr int kCalls = 2;
  std::latch begun{kCalls}, end{1};
  std::atomic<int> calls{0};
  BatcherOptions options{.max_batch = 1, .on_batch = [this](int) {
                           if (calls++ >= kCalls) return;
                           begun.count_down();
                           end.wait();
                         }};
};

TEST_F(BatcherTest, EachRequestGetsItsOwnPhotos) {
  const auto shared = pipeline(2);
  for (const int max_batch : {1, 4}) {
    Batcher batcher(shared, {.max_batch = max_batch});
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          const Batcher::Coming coming(batcher);
          const auto photo = prepared(*shared, t);
          std::vector<float> alone(16);
          shared->embed(photo.data(), 1, alone.data());
          const Embedded together = batcher.embed(photo);
          wrong +=
              together.embeddings.size() != 16 || together.batch < 1 || together.batch > max_batch;
          for (std::size_t k = 0; k < 16; ++k)
            wrong += std::abs(together.embeddings[k] - alone[k]) > 1e-5;
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(batcher.waiting(), 0u);
  }
}

TEST_F(BatcherTest, APhotoAloneWaitsForAStreamUntilItsDeadline) {
  const auto shared = pipeline(1);
  HeldCalls held;
  Batcher batcher(shared, held.options);
  std::vector<std::thread> others;
  for (int i = 0; i < HeldCalls::kCalls; ++i)
    others.emplace_back([&] { batcher.embed(prepared(*shared, 1)); });
  held.begun.wait();
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  EXPECT_THROW(batcher.embed(prepared(*shared, 2), soon), HttpError);
  for (int photos : {1, 1, 2, 1})  // single ones, and one of several, which has another way
    others.emplace_back([&, photos] {
      std::vector<float> all;
      for (int i = 0; i < photos; ++i) {
        const auto photo = prepared(*shared, i);
        all.insert(all.end(), photo.begin(), photo.end());
      }
      EXPECT_EQ(batcher.embed(all).embeddings.size(), static_cast<std::size_t>(16 * photos));
    });
  while (batcher.waiting() < 5) std::this_thread::yield();
  EXPECT_EQ(held.calls, 2);
  held.end.count_down();
  for (std::thread& thread : others) thread.join();
  EXPECT_EQ(held.calls, 7);
  EXPECT_EQ(batcher.waiting(), 0u);
}

TEST_F(BatcherTest, ManyPhotosOfARequestAreSeveralCalls) {
  const auto shared = pipeline(2);
  std::atomic<int> calls{0}, photos{0};
  Batcher batcher(shared, {.max_batch = 2, .on_batch = [&](int count) {
                             ++calls;
                             photos += count;
                           }});
  std::vector<float> five, alone(5 * 16);
  for (int i = 0; i < 5; ++i) {
    const auto photo = prepared(*shared, i);
    five.insert(five.end(), photo.begin(), photo.end());
    shared->embed(photo.data(), 1, alone.data() + i * 16);
  }
  const Embedded result = batcher.embed(five);
  ASSERT_EQ(result.embeddings.size(), alone.size());
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(result.embeddings[i], alone[i], 1e-5);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(photos, 5);
  EXPECT_EQ(result.batch, 2);
}

TEST_F(BatcherTest, WaitsForPhotosOnTheirWayAndForNothingElse) {
  const auto shared = pipeline();
  Batcher batcher(shared, {.max_batch = 8, .max_wait = std::chrono::seconds(20)});
  // Alone: nobody is coming, so it does not wait.
  EXPECT_EQ(batcher.embed(prepared(*shared, 0)).batch, 1);

  Batcher::Coming other(batcher);
  std::thread first([&] { EXPECT_EQ(batcher.embed(prepared(*shared, 1)).batch, 3); });
  while (batcher.waiting() == 0) std::this_thread::yield();
  std::vector<float> two = prepared(*shared, 2);
  const auto more = prepared(*shared, 3);
  two.insert(two.end(), more.begin(), more.end());
  std::thread second([&] {
    const Embedded result = batcher.embed(std::move(two));
    EXPECT_EQ(result.batch, 3);
    EXPECT_EQ(result.embeddings.size(), 32u);
  });
  while (batcher.waiting() < 3) std::this_thread::yield();
  other.arrived();  // whoever was coming will not come
  first.join();
  second.join();
}

TEST_F(BatcherTest, NoLongerThanItMay) {
  const auto shared = pipeline();
  Batcher batcher(shared, {.max_batch = 8, .max_wait = std::chrono::milliseconds(20)});
  const Batcher::Coming other(batcher);
  const Embedded result = batcher.embed(prepared(*shared, 1));
  EXPECT_EQ(result.batch, 1);
  EXPECT_GE(result.queue_ms, 19);
}

TEST_F(BatcherTest, AFullBatchGoesAtOnce) {
  const auto shared = pipeline();
  Batcher batcher(shared, {.max_batch = 2, .max_wait = std::chrono::seconds(20)});
  const Batcher::Coming other(batcher);
  std::vector<float> two = prepared(*shared, 2);
  two.insert(two.end(), two.begin(), two.end());
  EXPECT_EQ(batcher.embed(std::move(two)).batch, 2);
}

TEST_F(BatcherTest, NobodyIsAnsweredAfterTheDeadlineAndNothingIsDoneForIt) {
  const auto shared = pipeline();
  HeldCalls held;
  Batcher batcher(shared, held.options);
  std::vector<std::thread> first;
  for (int i = 0; i < HeldCalls::kCalls; ++i)
    first.emplace_back([&] { batcher.embed(prepared(*shared, 1)); });
  held.begun.wait();
  std::vector<float> two = prepared(*shared, 2);
  two.insert(two.end(), two.begin(), two.end());
  const auto begin = std::chrono::steady_clock::now();
  try {
    batcher.embed(std::move(two), begin + std::chrono::milliseconds(50));
    ADD_FAILURE() << "its time was up";
  } catch (const HttpError& e) {
    EXPECT_EQ(e.status, 504);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
  EXPECT_EQ(batcher.waiting(), 2u);  // until their turn comes
  held.end.count_down();
  for (std::thread& thread : first) thread.join();
  EXPECT_EQ(batcher.embed(prepared(*shared, 3), begin + std::chrono::minutes(1)).batch, 1);
  while (batcher.waiting() > 0) std::this_thread::yield();
  EXPECT_EQ(held.calls, 3);
}

TEST_F(BatcherTest, OneBadPhotoHarmsNobodyElse) {
  const auto shared = pipeline();
  Batcher batcher(shared, {.max_batch = 8, .max_wait = std::chrono::seconds(20)});
  Batcher::Coming other(batcher);
  std::thread good([&] { EXPECT_EQ(batcher.embed(prepared(*shared, 1)).batch, 1); });
  while (batcher.waiting() == 0) std::this_thread::yield();
  std::thread bad([&] {
    std::vector<float> huge(shared->floats_per_photo(), 2e37f);  // its length overflows
    EXPECT_THROW(batcher.embed(std::move(huge)), Error);
  });
  while (batcher.waiting() < 2) std::this_thread::yield();
  other.arrived();
  good.join();
  bad.join();
}

}  // namespace
}  // namespace shoplens
