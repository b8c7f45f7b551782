// SPDX-License-Identifier: Apache-2.0
#include "serve/batcher.h"

#include <algorithm>

#include "core/error.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Batcher::Batcher(std::shared_ptr<const Pipeline> pipeline, const BatcherOptions& options)
    : pipeline_(std::move(pipeline)), options_(options) {
  check(options.max_batch >= 1, "serve: want a batch of at least 1, got ", options.max_batch);
  for (int i = 0; i < pipeline_->streams(); ++i) threads_.emplace_back([this] { work(); });
}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Batcher::Coming::Coming(Batcher& batcher) : batcher_(&batcher) {
  const std::lock_guard lock(batcher_->mutex_);
  ++batcher_->coming_;
}

void Batcher::Coming::arrived() {
  if (!batcher_) return;
  {
    const std::lock_guard lock(batcher_->mutex_);
    --batcher_->coming_;
  }
  batcher_->changed_.notify_all();
  batcher_ = nullptr;
}

Embedded Batcher::embed(std::vector<float> prepared) {
  const auto photos = static_cast<std::int64_t>(prepared.size() / pipeline_->floats_per_photo());
  std::future<Embedded> result;
  {
    const std::lock_guard lock(mutex_);
    Job& job = queue_.emplace_back(Job{std::move(prepared), photos, Clock::now(), {}});
    result = job.result.get_future();
    queued_ += photos;
  }
  changed_.notify_all();
  return result.get();
}

std::size_t Batcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(queued_);
}

std::vector<Batcher::Job> Batcher::next_batch() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return {};
    const auto until = queue_.front().arrived + options_.max_wait;
    const auto ready = [&] {
      return ending_ || queue_.empty() || coming_ == 0 || queued_ >= options_.max_batch;
    };
    changed_.wait_until(lock, until, ready);
    if (!queue_.empty()) break;  // another thread was faster
  }
  std::vector<Job> jobs;
  std::int64_t photos = 0;
  while (!queue_.empty() &&
         (jobs.empty() || photos + queue_.front().photos <= options_.max_batch)) {
    photos += queue_.front().photos;
    jobs.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_ -= photos;
  return jobs;
}

void Batcher::work() {
  for (std::vector<Job> jobs = next_batch(); !jobs.empty(); jobs = next_batch())
    if (!run(jobs))
      for (Job& job : jobs) run({&job, 1});
}

bool Batcher::run(std::span<Job> jobs) {
  const auto begin = Clock::now();
  std::vector<float> together;
  std::int64_t photos = 0;
  for (const Job& job : jobs) {
    photos += job.photos;
    if (jobs.size() > 1) together.insert(together.end(), job.prepared.begin(), job.prepared.end());
  }
  const auto dim = static_cast<std::size_t>(pipeline_->dim()),
             classes = pipeline_->classes().size();
  std::vector<float> embeddings(static_cast<std::size_t>(photos) * dim),
      probabilities(static_cast<std::size_t>(photos) * classes);
  try {
    pipeline_->embed(jobs.size() > 1 ? together.data() : jobs[0].prepared.data(), photos,
                     embeddings.data(), probabilities.data());
  } catch (...) {
    if (jobs.size() > 1) return false;
    jobs[0].result.set_exception(std::current_exception());
    return true;
  }
  const auto end = Clock::now();
  auto embedding = embeddings.begin(), probability = probabilities.begin();
  for (Job& job : jobs) {
    const auto rows = static_cast<std::ptrdiff_t>(job.photos);
    Embedded result;
    result.embeddings.assign(embedding, embedding + rows * static_cast<std::ptrdiff_t>(dim));
    result.class_probabilities.assign(probability,
                                      probability + rows * static_cast<std::ptrdiff_t>(classes));
    embedding += rows * static_cast<std::ptrdiff_t>(dim);
    probability += rows * static_cast<std::ptrdiff_t>(classes);
    result.queue_ms = milliseconds(begin - job.arrived);
    result.network_ms = milliseconds(end - begin);
    result.batch = static_cast<int>(photos);
    job.result.set_value(std::move(result));
  }
  return true;
}

}  // namespace shoplens
