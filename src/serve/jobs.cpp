// SPDX-License-Identifier: Apache-2.0
#include "serve/jobs.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/log.h"
#include "serve/http.h"

namespace shoplens {
namespace {

constexpr std::size_t kKept = 50;       // jobs
constexpr std::size_t kFailures = 100;  // told of a job

}  // namespace

bool has_ended(JobState::Phase phase) {
  return phase != JobState::Phase::kWaiting && phase != JobState::Phase::kRunning;
}

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

void JobState::photo_failed(const std::string& name, const std::string& message) {
  ++failed;
  if (failures.size() < kFailures) failures.push_back({name, message});
}

JobState Jobs::Control::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

bool Jobs::Control::unless_cancelled(const std::function<void()>& piece) {
  const std::lock_guard lock(piece_);
  if (cancelled_) return false;
  piece();
  return true;
}

// After a restart nobody shall take another job for the one that was begun before: ids go on from
// the time, in microseconds, which JavaScript still holds exactly.
Jobs::Jobs(std::size_t waiting, std::string at_end)
    : last_id_(std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count()),
      waiting_(waiting),
      at_end_(std::move(at_end)),
      worker_(1, 1) {}

Jobs::~Jobs() {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, job] : jobs_) job->cancelled_ = true;
  }
  worker_.stop();
  for (const auto& [id, job] : jobs_)
    if (const JobState& state = job->state_; state.phase == JobState::Phase::kCancelled)
      log_warning("job ", id, ": cut off by the service's end, after ", state.done, " of ",
                  state.total, " photos; ", at_end_);
}

JobState Jobs::start(std::int64_t total, Work work, const Asked& asked, std::int64_t id) {
  const std::lock_guard lock(mutex_);
  if (const auto before = control(asked)) return before->state();
  check_room_locked();
  JobState begun;
  begun.id = id == 0 ? ++last_id_ : id;
  begun.total = total;
  add(begun, std::move(work), asked);
  return begun;
}

void Jobs::check_room() const {
  const std::lock_guard lock(mutex_);
  check_room_locked();
}

// One of them is being done.
void Jobs::check_room_locked() const {
  if (std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) {
        return !has_ended(job.second->state().phase);
      }) > static_cast<std::ptrdiff_t>(waiting_))
    throw busy(429, "overloaded", "server: want room for another job, too many wait", 5);
}

std::int64_t Jobs::new_id() {
  const std::lock_guard lock(mutex_);
  return ++last_id_;
}

void Jobs::take_over(const JobState& state, Work work, const Asked& asked) {
  const std::lock_guard lock(mutex_);
  last_id_ = std::max(last_id_, state.id);
  add(state, std::move(work), asked);
}

void Jobs::add(const JobState& state, Work work, const Asked& asked) {
  const auto job = std::make_shared<Control>();
  job->state_ = state;
  job->work_ = std::move(work);
  job->asked_ = asked;
  jobs_[state.id] = job;
  if (!has_ended(state.phase) && !std::exchange(working_, true))
    worker_.submit([this] { run_waiting(); });
  for (auto it = jobs_.begin(); it != jobs_.end() && jobs_.size() > kKept;)
    it = has_ended(it->second->state().phase) ? jobs_.erase(it) : std::next(it);
}

// In the pool they would stay when they are cancelled.
void Jobs::run_waiting() {
  while (const auto job = next()) run(*job, job->state().id);
}

std::shared_ptr<Jobs::Control> Jobs::next() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, job] : jobs_)
    if (job->state().phase == JobState::Phase::kWaiting) return job;
  working_ = false;
  return nullptr;
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
  } catch (...) {
    log_warning("job ", id, ": it threw what is no exception");
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
  return job->state();
}

std::optional<JobState> Jobs::find(std::int64_t id) const {
  const auto job = control(id);
  if (!job) return std::nullopt;
  return job->state();
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
  for (auto it = jobs_.rbegin(); it != jobs_.rend(); ++it) all.push_back(it->second->state());
  return all;
}

}  // namespace shoplens
