// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "core/wait_until.h"

namespace shoplens {

/// A mutex that is waited for until a moment of the steady clock at most; for std::lock_guard and
/// std::unique_lock. Not std::timed_mutex, as ThreadSanitizer does not see that one being locked.
class DeadlineMutex {
 public:
  using Clock = std::chrono::steady_clock;

  void lock() { try_lock_until(Clock::time_point::max()); }
  bool try_lock_until(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (!wait_until(freed_, lock, deadline, [this] { return !taken_; })) return false;
    return taken_ = true;
  }
  void unlock() {
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  bool taken_ = false;
};

}  // namespace shoplens
