// SPDX-License-Identifier: Apache-2.0
#include "serve/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace shoplens {
namespace {

/// The only thread of `pool`, busy until free().
class Occupied {
 public:
  explicit Occupied(WorkerPool& pool) {
    std::promise<void> begun;
    while (!pool.submit([this, &begun] {
      begun.set_value();
      free_.get_future().wait();
    }))
      std::this_thread::yield();  // without a queue: the thread is not idle yet
    begun.get_future().wait();
  }
  void free() { free_.set_value(); }

 private:
  std::promise<void> free_;
};

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
  Occupied thread(pool);
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_EQ(pool.waiting(), 2u);
  EXPECT_FALSE(pool.submit([] {}));
  thread.free();
  pool.stop();
  EXPECT_EQ(pool.waiting(), 0u);
}

TEST(WorkerPool, TheOneThatWaitedLongestGivesWay) {
  WorkerPool pool(1, 2);
  Occupied thread(pool);
  std::vector<int> done, refused;
  const auto submit = [&](int i) {
    pool.submit([&, i] { done.push_back(i); }, [&, i] { refused.push_back(i); });
  };
  for (int i = 1; i <= 5; ++i) submit(i);
  EXPECT_EQ(refused, (std::vector<int>{1, 2, 3}));
  thread.free();
  pool.stop();
  EXPECT_EQ(done, (std::vector<int>{4, 5}));
  submit(6);
  EXPECT_EQ(refused.back(), 6);
}

TEST(WorkerPool, WhatIsDroppedIsRefused) {
  WorkerPool pool(1, 4);
  Occupied thread(pool);
  int refused = 0;
  for (int i = 0; i < 3; ++i) pool.submit([] { FAIL() << "it was dropped"; }, [&] { ++refused; });
  pool.drop();
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(pool.waiting(), 0u);
  thread.free();
  pool.stop();
}

TEST(WorkerPool, AJobThatThrowsTakesNoOtherWithIt) {
  WorkerPool pool(1, 8);
  bool done = false;
  pool.submit([] { throw std::runtime_error("broken"); });
  pool.submit([] { throw 7; }, [] { FAIL() << "it was taken"; });
  pool.submit([&] { done = true; });
  pool.stop();
  EXPECT_TRUE(done);
}

TEST(WorkerPool, WithoutAQueueWhoComesIsRefused) {
  WorkerPool pool(1, 0);
  Occupied thread(pool);
  bool refused = false;
  pool.submit([] { FAIL() << "there is no room"; }, [&] { refused = true; });
  EXPECT_TRUE(refused);
  thread.free();
}

}  // namespace
}  // namespace shoplens
