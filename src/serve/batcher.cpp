// SPDX-License-Identifier: Apache-2.0
#include "serve/batcher.h"

#include <algorithm>

#include "core/error.h"
#include "core/wait_until.h"
#include "serve/http.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Batcher::Batcher(std::shared_ptr<const Pipeline> pipeline, const BatcherOptions& options)
    : pipeline_(std::move(pipeline)),
      options_(options),
      calls_(options.max_batch == 1 ? pipeline_->callers() : pipeline_->streams()) {
  check(options.max_batch >= 1, "serve: want a batch of at least 1, got ", options.max_batch);
  for (int i = 0; i < calls_; ++i) threads_.emplace_back([this] { work(); });
}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// Where a photo is alone in its call nobody waits for others, and need not be woken for them.
Batcher::Coming::Coming(Batcher& batcher)
    : batcher_(batcher.options_.max_batch > 1 ? &batcher : nullptr) {
  if (!batcher_) return;
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

Embedded Batcher::embed(std::vector<float> prepared, Clock::time_point deadline) {
  const std::size_t floats = pipeline_->floats_per_photo();
  const auto photos = static_cast<std::int64_t>(prepared.size() / floats);
  if (photos == 1 && options_.max_batch == 1) return embed_alone(std::move(prepared), deadline);
  std::vector<std::future<Embedded>> parts;
  {
    const std::lock_guard lock(mutex_);
    const auto enqueue = [&](std::vector<float> some, std::int64_t count) {
      Job& job = queue_.emplace_back(Job{std::move(some), count, Clock::now(), deadline, {}});
      parts.push_back(job.result.get_future());
    };
    if (photos <= options_.max_batch) {
      enqueue(std::move(prepared), photos);
    } else {
      for (std::int64_t begin = 0; begin < photos; begin += options_.max_batch) {
        const std::int64_t count = std::min<std::int64_t>(options_.max_batch, photos - begin);
        const auto from = prepared.begin() + begin * static_cast<std::ptrdiff_t>(floats);
        enqueue({from, from + count * static_cast<std::ptrdiff_t>(floats)}, count);
      }
    }
    queued_ += photos;
  }
  if (options_.max_batch > 1)
    changed_.notify_all();
  else
    for (std::int64_t photo = 0; photo < photos; ++photo) changed_.notify_one();
  for (std::future<Embedded>& part : parts)  // no clock can be asked to wait until kNever
    if (deadline != kNever && part.wait_until(deadline) != std::future_status::ready)
      throw past_deadline();
  Embedded all = parts[0].get();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Embedded part = parts[i].get();
    all.embeddings.insert(all.embeddings.end(), part.embeddings.begin(), part.embeddings.end());
    all.class_probabilities.insert(all.class_probabilities.end(), part.class_probabilities.begin(),
                                   part.class_probabilities.end());
    all.queue_ms = std::max(all.queue_ms, part.queue_ms);
    all.network_ms += part.network_ms;
    all.batch = std::max(all.batch, part.batch);
  }
  return all;
}

Embedded Batcher::embed_alone(std::vector<float> prepared, Clock::time_point deadline) {
  Job job{std::move(prepared), 1, Clock::now(), deadline, {}};
  {
    std::unique_lock lock(mutex_);
    ++queued_;
    const bool is_free = wait_until(freed_, lock, deadline, [&] { return running_ < calls_; });
    --queued_;
    if (!is_free) throw past_deadline();
    ++running_;
  }
  struct Ending {
    Batcher* batcher;
    ~Ending() { batcher->end_call(); }
  } ending{this};
  run({&job, 1});
  return job.result.get_future().get();
}

void Batcher::end_call() {
  {
    const std::lock_guard lock(mutex_);
    --running_;
  }
  freed_.notify_one();
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
    freed_.wait(lock, [&] { return running_ < calls_; });
    drop_late();
    if (!queue_.empty()) break;
    freed_.notify_one();  // another thread was faster, or nobody waits for them any more
  }
  std::vector<Job> jobs;
  std::int64_t photos = 0;
  while (!queue_.empty() &&
         (jobs.empty() || photos + queue_.front().photos <= options_.max_batch)) {
    photos += queue_.front().photos;
    jobs.push_back(std::move(queue_.front()));
    queue_.pop_front();
    drop_late();
  }
  queued_ -= photos;
  ++running_;
  return jobs;
}

void Batcher::drop_late() {
  for (const auto now = Clock::now(); !queue_.empty() && queue_.front().deadline < now;) {
    queued_ -= queue_.front().photos;
    queue_.front().result.set_exception(std::make_exception_ptr(past_deadline()));
    queue_.pop_front();
  }
}

void Batcher::work() {
  for (std::vector<Job> jobs = next_batch(); !jobs.empty(); jobs = next_batch()) {
    if (!run(jobs))
      for (Job& job : jobs) run({&job, 1});
    end_call();
  }
}

bool Batcher::run(std::span<Job> jobs) {
  const auto begin = Clock::now();
  std::int64_t photos = 0;
  for (const Job& job : jobs) photos += job.photos;
  std::vector<float> together;
  if (jobs.size() > 1) {
    together.reserve(static_cast<std::size_t>(photos) * pipeline_->floats_per_photo());
    for (const Job& job : jobs)
      together.insert(together.end(), job.prepared.begin(), job.prepared.end());
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
  if (options_.on_batch) options_.on_batch(static_cast<int>(photos));
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
