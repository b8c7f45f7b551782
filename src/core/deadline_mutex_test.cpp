// SPDX-License-Identifier: Apache-2.0
#include "core/deadline_mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace shoplens {
namespace {

using namespace std::chrono_literals;
using Clock = DeadlineMutex::Clock;

TEST(DeadlineMutex, IsHeldByOneAtATime) {
  DeadlineMutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) {
        const std::unique_lock lock(mutex,
                                    t % 2 == 0 ? Clock::time_point::max() : Clock::now() + 1h);
        count += lock.owns_lock() ? 1 : 0;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
}

TEST(DeadlineMutex, IsWaitedForUntilTheDeadline) {
  DeadlineMutex mutex;
  {
    const std::lock_guard lock(mutex);
    std::thread([&] {
      const auto begin = Clock::now();
      EXPECT_FALSE(std::unique_lock(mutex, begin + 30ms).owns_lock());
      EXPECT_GE(Clock::now() - begin, 30ms);
      EXPECT_FALSE(std::unique_lock(mutex, begin - 1h).owns_lock());
    }).join();
  }
  EXPECT_TRUE(std::unique_lock(mutex, Clock::now() - 1h).owns_lock()) << "it is free";
}

}  // namespace
}  // namespace shoplens
