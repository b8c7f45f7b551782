// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/http.h"
#include "serve/worker_pool.h"

namespace shoplens {

/// How far a job is.
struct JobState {
  enum class Phase { kWaiting, kRunning, kDone, kFailed, kCancelled };
  struct Failure {
    std::string name, message;  // of a photo; both are for the client
  };

  std::int64_t id = 0;
  Phase phase = Phase::kWaiting;
  std::string message{};                 // why it failed, or what it waits for
  std::int64_t total = 0, done = 0;      // photos
  std::int64_t added = 0, existing = 0;  // of an import
  std::int64_t relabelled = 0;           // of the existing, those that had another label
  std::int64_t failed = 0;               // photos that could not be read
  std::vector<Failure> failures{};       // the first of them

  void photo_failed(const std::string& name, const std::string& message);
};

const char* to_string(JobState::Phase phase);  // "waiting", "running", ...
bool has_ended(JobState::Phase phase);

/// Work that goes on after its request was answered, one piece at a time in the order it came.
/// Thread-safe.
class Jobs {
 public:
  class Control;
  /// Ends early when cancelled. What it throws makes the job failed: of HttpError the client sees
  /// the message, of anything else the log.
  using Work = std::function<void(Control&)>;

  /// A job as its own work sees it.
  class Control {
   public:
    bool cancelled() const { return cancelled_; }
    JobState state() const;
    void update(const std::function<void(JobState&)>& change);
    void photo_failed(const std::string& name, const std::string& message) {
      update([&](JobState& state) { state.photo_failed(name, message); });
    }
    /// Does `piece`, a change and its update of the state, and returns true; nothing when the job
    /// is cancelled. A cancellation waits for it, so that the last state tells all that was done.
    bool unless_cancelled(const std::function<void()>& piece);
    /// Says, within such a piece, that it was the last: who cancels the job now is told it is done.
    void completed() { completed_ = true; }

   private:
    friend class Jobs;
    std::atomic<bool> cancelled_{false}, completed_{false};
    std::mutex piece_;
    mutable std::mutex mutex_;
    JobState state_;
    Work work_;  // until it begins
    Asked asked_;
  };
  /// `at_end` says in the log what becomes of those that the end cuts off.
  explicit Jobs(std::size_t waiting, std::string at_end = "they stay, send it again for the rest");
  ~Jobs();  // cancels them; the log says which had not ended

  /// Throws HttpError 429 when too many wait already. What was `asked` before, of the jobs in
  /// list(), does not start again: as asked_before(). `id` is a new_id() or, as 0, given here.
  JobState start(std::int64_t total, Work work, const Asked& asked = {}, std::int64_t id = 0);
  std::int64_t new_id();
  void check_room() const;  // throws what start() would when too many wait
  /// Takes in a job of another process: goes on with it, however many wait, or lists one that
  /// ended.
  void take_over(const JobState& state, Work work, const Asked& asked);
  /// The job that was started for this, if there is one. Throws HttpError 409 when the key was of
  /// something else.
  std::optional<JobState> asked_before(const Asked& asked) const;
  std::optional<JobState> find(std::int64_t id) const;
  /// Asks it to end, if it has not, and forgets it; what it did until then stays. Returns its last
  /// state, if there is such a job.
  std::optional<JobState> cancel(std::int64_t id);
  std::vector<JobState> list() const;  // the latest first; of those that ended only the last few

 private:
  static void run(Control& job, std::int64_t id);
  void run_waiting();               // until none waits
  std::shared_ptr<Control> next();  // the first of them
  void check_room_locked() const;
  void add(const JobState& state, Work work, const Asked& asked);  // under the lock
  std::shared_ptr<Control> control(std::int64_t id) const;
  std::shared_ptr<Control> control(const Asked& asked) const;  // under the lock

  mutable std::mutex mutex_;
  std::map<std::int64_t, std::shared_ptr<Control>> jobs_;
  std::int64_t last_id_;
  std::size_t waiting_;
  std::string at_end_;
  bool working_ = false;
  WorkerPool worker_;  // last, so that its jobs end before what they use
};

}  // namespace shoplens
