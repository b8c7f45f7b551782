// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "recognize/pipeline.h"

namespace shoplens {

struct BatcherOptions {
  int max_batch = 16;                          // photos in one network call
  std::chrono::microseconds max_wait{2000};    // for others that are being decoded
  std::function<void(int photos)> on_batch{};  // called for each network call, from any thread
};

/// What the network made of a request's photos.
struct Embedded {
  std::vector<float> embeddings, class_probabilities;  // [photos, dim], [photos, classes]
  double queue_ms = 0;                                 // until the last of them had its turn
  double network_ms = 0;                               // of the network calls they were in
  int batch = 0;  // photos in the largest of these calls, others' too
};

/// Puts photos of requests that arrive together into one network call. A photo waits for others
/// only while there are some on their way (Coming) and never longer than max_wait, so that a
/// request that is alone is answered at once. Thread-safe.
class Batcher {
 public:
  static constexpr auto kNever = std::chrono::steady_clock::time_point::max();

  Batcher(std::shared_ptr<const Pipeline> pipeline, const BatcherOptions& options);
  ~Batcher();  // after the last embed() has returned
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// While it lives, a request is reading and decoding photos for this batcher.
  class Coming {
   public:
    explicit Coming(Batcher& batcher);
    ~Coming() { arrived(); }
    Coming(const Coming&) = delete;
    Coming& operator=(const Coming&) = delete;
    void arrived();  // they are here, or will not come

   private:
    Batcher* batcher_;
  };

  const Pipeline& pipeline() const { return *pipeline_; }

  /// prepared [photos, pipeline.floats_per_photo()], at least one, as Pipeline::prepare makes them;
  /// more than max_batch are several calls. Blocks until they are embedded. Throws what
  /// Pipeline::embed throws for the call that these photos were in; a call of several requests that
  /// fails is tried again one by one, so that one bad photo harms nobody else. Throws HttpError 504
  /// when `deadline` passes before they are; those that still wait are then left out.
  Embedded embed(std::vector<float> prepared,
                 std::chrono::steady_clock::time_point deadline = kNever);

  std::size_t waiting() const;  // photos

  /// Photos that the network works on at the same time.
  std::size_t photos_at_once() const {
    return static_cast<std::size_t>(pipeline_->streams() * options_.max_batch);
  }

 private:
  struct Job {
    std::vector<float> prepared;
    std::int64_t photos;
    std::chrono::steady_clock::time_point arrived, deadline;
    std::promise<Embedded> result;
  };
  // Where each photo has a call of its own, who brings one makes the call: no other thread has to
  // be woken for it, and again for its end.
  Embedded embed_alone(std::vector<float> prepared, std::chrono::steady_clock::time_point deadline);
  void work();
  std::vector<Job> next_batch();
  void end_call();
  void drop_late();               // from the queue's front, under the lock
  bool run(std::span<Job> jobs);  // false: together they fail, and none has its result

  std::shared_ptr<const Pipeline> pipeline_;
  BatcherOptions options_;
  // At once: where each photo is a call of its own, one more than the network works on waits in its
  // queue; where they share calls, waiting here lets more of them come together.
  const int calls_;
  mutable std::mutex mutex_;
  std::condition_variable changed_, freed_;  // the queue; a call of the network
  std::deque<Job> queue_;
  std::int64_t queued_ = 0;       // photos in queue_
  int coming_ = 0, running_ = 0;  // requests; network calls
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace shoplens
