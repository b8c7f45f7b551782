// SPDX-License-Identifier: Apache-2.0
#include "serve/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace shoplens {
namespace {

TEST(WorkerPool, DoesEveryJobThatItTook) {
  std::atomic<int> done{0};
  int taken = 0;
  {
    WorkerPool pool(3, 1000);
    for (int i = 0; i < 500; ++i) taken += pool.submit([&] { ++done; });
    pool.stop();
    EXPECT_FALSE(pool.submit([&] { ++done; }));
  }
  EXPECT_EQ(taken, 500);
  EXPECT_EQ(done, 500);
}

TEST(WorkerPool, AFullQueueTakesNoMore) {
  WorkerPool pool(1, 2);
  std::promise<void> begun, go;
  ASSERT_TRUE(pool.submit([&] {
    begun.set_value();
    go.get_future().wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_EQ(pool.waiting(), 2u);
  EXPECT_FALSE(pool.submit([] {}));
  go.set_value();
  pool.stop();
  EXPECT_EQ(pool.waiting(), 0u);
}

}  // namespace
}  // namespace shoplens
