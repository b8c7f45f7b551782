// SPDX-License-Identifier: Apache-2.0
#include "serve/worker_pool.h"

#include <exception>

#include "core/log.h"

namespace shoplens {

WorkerPool::WorkerPool(int threads, std::size_t queue) : queue_limit_(queue) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

// A job that an idle thread is about to take does not wait.
bool WorkerPool::is_full() const { return queue_.size() >= queue_limit_ + idle_; }

bool WorkerPool::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || is_full()) return false;
    queue_.push_back({std::move(job), [] {}});
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::submit(std::function<void()> job, std::function<void()> refused) {
  std::function<void()> gone;
  {
    const std::lock_guard lock(mutex_);
    const bool full = is_full();
    if (stopping_ || (full && queue_.empty())) {
      gone = std::move(refused);
    } else {
      if (full) {
        gone = std::move(queue_.front().refused);
        queue_.pop_front();
      }
      queue_.push_back({std::move(job), std::move(refused)});
    }
  }
  changed_.notify_one();
  if (gone) gone();
}

void WorkerPool::drop() {
  std::deque<Job> gone;
  {
    const std::lock_guard lock(mutex_);
    gone.swap(queue_);
  }
  for (const Job& job : gone) job.refused();
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::size_t WorkerPool::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

// The thread is there for the next jobs too; and left to itself an exception would end the process.
void WorkerPool::run(const std::function<void()>& job) {
  try {
    job();
  } catch (const std::exception& e) {
    log_line(LogLevel::kError, join("server: a job is given up: ", e.what()));
  } catch (...) {
    log_line(LogLevel::kError, "server: a job is given up: it threw what is no exception");
  }
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    std::function<void()> job = std::move(queue_.front().run);
    queue_.pop_front();
    lock.unlock();
    run(job);
    job = nullptr;  // what it holds may take locks as it goes
    lock.lock();
  }
}

}  // namespace shoplens
