// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace shoplens {

/// Waits under `lock` until `is_true()`, or until `deadline`, which may be time_point::max(): so
/// late no clock can be asked for. Returns is_true().
template <class Predicate>
bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                std::chrono::steady_clock::time_point deadline, const Predicate& is_true) {
  if (deadline < std::chrono::steady_clock::time_point::max())
    return changed.wait_until(lock, deadline, is_true);
  changed.wait(lock, is_true);
  return true;
}

}  // namespace shoplens
