// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace shoplens {

/// Threads that do jobs, and a queue of bounded length before them.
class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t queue);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False, and the job is not taken, when the queue is full or the pool has stopped. What a job
  /// throws is logged, and the next one done.
  bool submit(std::function<void()> job);
  /// The same, but when the queue is full the job that has waited longest goes: what is done has
  /// then waited half as long under twice the load, as all that is done would have waited through
  /// the whole queue. Of a job that is not done `refused` is called, on the caller's thread.
  void submit(std::function<void()> job, std::function<void()> refused);
  /// Refuses what is queued.
  void drop();
  /// Does what is queued, then ends the threads.
  void stop();

  std::size_t waiting() const;

 private:
  struct Job {
    std::function<void()> run, refused;
  };
  static void run(const std::function<void()>& job);
  void work();
  bool is_full() const;  // under the lock

  std::size_t queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace shoplens
