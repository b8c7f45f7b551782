// SPDX-License-Identifier: Apache-2.0
#include "serve/jobs.h"

#include <chrono>

#include "core/log.h"
#include "serve/http.h"

namespace shoplens {
namespace {

constexpr std::size_t kKept = 50;       // jobs
constexpr std::size_t kFailures = 100;  // told of a job

bool has_ended(JobState::Phase phase) {
  return phase != JobState::Phase::kWaiting && phase != JobState::Phase::kRunning;
}

}  // namespace

const char* to_string(JobState::Phase phase) {
  switch (phase) {
    case JobState::Phase::kWaiting:
      return "waiting";
    case JobState::Phase::kRunning:
      return "running";
    case JobState::Phase::kDone:
      return "done";
    case JobState::Phase::kFailed:
      return "failed";
    case JobState::Phase::kCancelled:
      break;
  }
  return "cancelled";
}

void Jobs::Control::update(const std::function<void(JobState&)>& change) {
  const std::lock_guard lock(mutex_);
  change(state_);
}

void Jobs::Control::photo_failed(const std::string& name, const std::string& message) {
  update([&](JobState& state) {
    ++state.failed;
    if (state.failures.size() < kFailures) state.failures.push_back({name, message});
  });
}

bool Jobs::Control::unless_cancelled(const std::function<void()>& piece) {
  const std::lock_guard lock(piece_);
  if (cancelled_) return false;
  piece();
  return true;
}

// After a restart nobody shall take another job for the one that was begun before: ids go on from
// the time, in microseconds, which JavaScript still holds exactly.
Jobs::Jobs(std::size_t waiting)
    : last_id_(std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count()),
      worker_(1, waiting) {}

Jobs::~Jobs() {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, job] : jobs_) job->cancelled_ = true;
  }
  worker_.stop();
  for (const auto& [id, job] : jobs_)
    if (const JobState& state = job->state_; state.phase == JobState::Phase::kCancelled)
      log_warning("job ", id, ": given up at the service's end, after ", state.done, " of ",
                  state.total, " photos; they stay, send it again for the rest");
}

JobState Jobs::start(std::int64_t total, Work work, const Asked& asked) {
  const auto job = std::make_shared<Control>();
  job->state_.total = total;
  job->work_ = std::move(work);
  job->asked_ = asked;
  const std::lock_guard lock(mutex_);
  if (const auto before = control(asked)) {
    const std::lock_guard state(before->mutex_);
    return before->state_;
  }
  job->state_.id = ++last_id_;
  JobState begun = job->state_;
  if (!worker_.submit([job, id = begun.id] { run(*job, id); }))
    throw busy(429, "overloaded", "server: want room for another job, too many wait", 5);
  jobs_[begun.id] = job;
  for (auto it = jobs_.begin(); it != jobs_.end() && jobs_.size() > kKept;) {
    const std::shared_ptr<Control> old = it->second;  // so that its lock outlives the map's entry
    const std::lock_guard state(old->mutex_);
    it = has_ended(old->state_.phase) ? jobs_.erase(it) : std::next(it);
  }
  return begun;
}

void Jobs::run(Control& job, std::int64_t id) {
  using enum JobState::Phase;
  const auto enter = [&](JobState::Phase phase, const std::string& message = {}) {
    job.update([&](JobState& state) {
      state.phase = phase;
      state.message = message;
    });
  };
  if (!job.cancelled()) enter(kRunning);
  try {
    Work mine;
    {
      const std::lock_guard lock(job.mutex_);
      mine.swap(job.work_);
    }
    if (mine && !job.cancelled()) mine(job);
    enter(job.cancelled() && !job.completed_ ? kCancelled : kDone);
  } catch (const HttpError& e) {
    enter(kFailed, e.what());
  } catch (const std::exception& e) {
    log_warning("job ", id, ": ", e.what());
    enter(kFailed, join("the server's log says why at job ", id));
  }
}

std::shared_ptr<Jobs::Control> Jobs::control(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second;
}

std::shared_ptr<Jobs::Control> Jobs::control(const Asked& asked) const {
  if (asked.key.empty()) return nullptr;
  for (const auto& [id, job] : jobs_) {
    if (job->asked_.key != asked.key) continue;
    if (job->asked_.digest != asked.digest) throw key_used();
    return job;
  }
  return nullptr;
}

std::optional<JobState> Jobs::asked_before(const Asked& asked) const {
  const std::lock_guard lock(mutex_);
  const auto job = control(asked);
  if (!job) return std::nullopt;
  const std::lock_guard state(job->mutex_);
  return job->state_;
}

std::optional<JobState> Jobs::find(std::int64_t id) const {
  const auto job = control(id);
  if (!job) return std::nullopt;
  const std::lock_guard lock(job->mutex_);
  return job->state_;
}

std::optional<JobState> Jobs::cancel(std::int64_t id) {
  const auto job = control(id);
  if (!job) return std::nullopt;
  job->cancelled_ = true;
  {
    const std::lock_guard lock(mutex_);
    jobs_.erase(id);
  }
  const std::lock_guard no_piece(job->piece_);
  Work given_up;  // with all that it holds, though its turn is yet to come
  const std::lock_guard lock(job->mutex_);
  given_up.swap(job->work_);
  JobState last = job->state_;
  if (!has_ended(last.phase))
    last.phase = job->completed_ ? JobState::Phase::kDone : JobState::Phase::kCancelled;
  return last;
}

std::vector<JobState> Jobs::list() const {
  std::vector<JobState> all;
  const std::lock_guard lock(mutex_);
  for (auto it = jobs_.rbegin(); it != jobs_.rend(); ++it) {
    const std::lock_guard state(it->second->mutex_);
    all.push_back(it->second->state_);
  }
  return all;
}

}  // namespace shoplens
