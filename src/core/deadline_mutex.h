// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace shoplens {

/// A mutex that is waited for until a moment of the steady clock at most; for std::lock_guard and
/// std::unique_lock. Not std::timed_mutex, as ThreadSanitizer does not see that one being locked.
class DeadlineMutex {
 public:
  using Clock = std::chrono::steady_clock;

  void lock() { try_lock_until(Clock::time_point::max()); }
  bool try_lock_until(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    const auto is_free = [this] { return !taken_; };
    if (deadline == Clock::time_point::max())
      freed_.wait(lock, is_free);
    else if (!freed_.wait_until(lock, deadline, is_free))
      return false;
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
