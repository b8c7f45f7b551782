// SPDX-License-Identifier: Apache-2.0
#include "serve/jobs.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "serve/http.h"

namespace shoplens {
namespace {

using Phase = JobState::Phase;

JobState wait_for_end(const Jobs& jobs, std::int64_t id) {
  for (int i = 0; i < 1000; ++i) {
    const JobState state = *jobs.find(id);
    if (state.phase != Phase::kWaiting && state.phase != Phase::kRunning) return state;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ADD_FAILURE() << "the job does not end";
  return {};
}

TEST(Jobs, TellsHowFarAJobIs) {
  Jobs jobs(4);
  std::promise<void> half, go_on;
  const JobState begun = jobs.start(2, [&](Jobs::Control& job) {
    job.update([](JobState& state) { state.done = 1; });
    job.photo_failed("a.jpg", "it is torn");
    half.set_value();
    go_on.get_future().wait();
    job.update([](JobState& state) { state.done = 2; });
  });
  EXPECT_EQ(begun.total, 2);
  half.get_future().wait();
  EXPECT_EQ(jobs.find(begun.id)->phase, Phase::kRunning);
  EXPECT_EQ(jobs.find(begun.id)->done, 1);
  go_on.set_value();
  const JobState ended = wait_for_end(jobs, begun.id);
  EXPECT_EQ(ended.phase, Phase::kDone);
  EXPECT_EQ(ended.done, 2);
  EXPECT_EQ(ended.failed, 1);
  EXPECT_EQ(ended.failures.at(0).name, "a.jpg");
  EXPECT_EQ(jobs.list().size(), 1u);
  EXPECT_FALSE(jobs.find(begun.id + 1));
}

TEST(Jobs, WhatIsAskedTwiceWithOneKeyIsOneJob) {
  Jobs jobs(4);
  int started = 0;
  const auto work = [&](Jobs::Control&) { ++started; };
  EXPECT_FALSE(jobs.asked_before({"key", "a"}));
  const auto first = jobs.start(3, work, {"key", "a"}).id;
  EXPECT_EQ(jobs.start(3, work, {"key", "a"}).id, first);
  EXPECT_EQ(jobs.asked_before({"key", "a"})->id, first);
  EXPECT_THROW(jobs.start(3, work, {"key", "b"}), HttpError);
  EXPECT_NE(jobs.start(3, work).id, jobs.start(3, work).id)
      << "those without a key are all different";
  wait_for_end(jobs, jobs.list().front().id);
  EXPECT_EQ(started, 3);
  jobs.cancel(first);
  EXPECT_FALSE(jobs.asked_before({"key", "a"})) << "forgotten, so it can be asked anew";
}

TEST(Jobs, AFailureSaysWhyWithoutTheServersSecrets) {
  Jobs jobs(4);
  const auto told = jobs.start(0, [](Jobs::Control&) { throw HttpError(409, "c", "changed"); }).id;
  const auto hidden =
      jobs.start(0, [](Jobs::Control&) { throw std::runtime_error("/secret/path"); }).id;
  EXPECT_EQ(wait_for_end(jobs, told).message, "changed");
  const JobState state = wait_for_end(jobs, hidden);
  EXPECT_EQ(state.phase, Phase::kFailed);
  EXPECT_EQ(state.message.find("secret"), std::string::npos);
}

TEST(Jobs, OneIsCancelledWhetherItRunsOrWaits) {
  std::promise<void> begun;
  bool ended = false;
  {
    Jobs jobs(4);
    const auto running = jobs.start(0,
                                    [&](Jobs::Control& job) {
                                      begun.set_value();
                                      while (!job.cancelled())
                                        std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                      ended = true;
                                    })
                             .id;
    const auto held = std::make_shared<int>();
    const auto waiting = jobs.start(0, [held](Jobs::Control&) { FAIL() << "it was cancelled"; }).id;
    begun.get_future().wait();
    EXPECT_EQ(jobs.cancel(waiting)->phase, Phase::kCancelled);
    EXPECT_EQ(held.use_count(), 1) << "it holds on to what it was to do";
    EXPECT_EQ(jobs.cancel(running)->phase, Phase::kCancelled);
    EXPECT_FALSE(jobs.find(running));
    EXPECT_FALSE(jobs.cancel(running));
    const auto after = jobs.start(0, [](Jobs::Control&) {}).id;
    EXPECT_EQ(wait_for_end(jobs, after).phase, Phase::kDone);
    EXPECT_EQ(jobs.cancel(after)->phase, Phase::kDone);
  }
  EXPECT_TRUE(ended);
}

TEST(Jobs, ACancellationTellsOfThePieceThatWasBeingDone) {
  Jobs jobs(4);
  std::promise<void> begun, go_on;
  std::promise<bool> next;
  const JobState job = jobs.start(2, [&](Jobs::Control& control) {
    control.unless_cancelled([&] {
      begun.set_value();
      go_on.get_future().wait();
      control.update([](JobState& state) { state.added = 1; });
    });
    while (!control.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    next.set_value(control.unless_cancelled([&] { ADD_FAILURE() << "it was cancelled"; }));
  });
  begun.get_future().wait();
  auto last = std::async(std::launch::async, [&] { return *jobs.cancel(job.id); });
  EXPECT_EQ(last.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  go_on.set_value();
  const JobState told = last.get();
  EXPECT_EQ(told.phase, Phase::kCancelled);
  EXPECT_EQ(told.added, 1);
  EXPECT_FALSE(next.get_future().get());
}

TEST(Jobs, WhatIsCancelledAfterItsLastPieceIsDone) {
  Jobs jobs(4);
  std::promise<void> begun, go_on;
  const JobState job = jobs.start(2, [&](Jobs::Control& control) {
    control.unless_cancelled([&] {
      begun.set_value();
      go_on.get_future().wait();
      control.completed();
    });
    while (!control.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  begun.get_future().wait();
  auto last = std::async(std::launch::async, [&] { return *jobs.cancel(job.id); });
  go_on.set_value();
  EXPECT_EQ(last.get().phase, Phase::kDone);
}

TEST(Jobs, WhatTheEndCutsOffIsToldAndItsIdIsNotGivenAgain) {
  std::promise<void> begun;
  std::int64_t done = 0, cut_off = 0, waiting = 0;
  testing::internal::CaptureStderr();
  {
    Jobs jobs(4);
    done = jobs.start(0, [](Jobs::Control&) {}).id;
    cut_off = jobs.start(7,
                         [&](Jobs::Control& job) {
                           job.update([](JobState& state) { state.done = 3; });
                           begun.set_value();
                           while (!job.cancelled())
                             std::this_thread::sleep_for(std::chrono::milliseconds(1));
                         })
                  .id;
    waiting = jobs.start(5, [](Jobs::Control&) {}).id;
    begun.get_future().wait();
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find(join("job ", cut_off, ": cut off by the service's end, after 3 of 7 photos")),
            std::string::npos)
      << log;
  EXPECT_NE(log.find(join("job ", waiting, ": cut off by the service's end, after 0 of 5 photos")),
            std::string::npos)
      << log;
  EXPECT_EQ(log.find(std::to_string(done)), std::string::npos) << log;
  Jobs later(4);
  EXPECT_GT(later.start(0, [](Jobs::Control&) {}).id, waiting);
}

TEST(Jobs, ThoseOfAnotherProcessGoOnHoweverManyAndKeepTheirIdsAndKeys) {
  Jobs jobs(1);
  const std::int64_t latest = jobs.new_id() + 1'000'000'000;
  JobState state;
  state.done = state.added = 2;
  for (state.id = latest - 3; state.id < latest; ++state.id)
    jobs.take_over(state, [](Jobs::Control& job) { job.update([](auto& s) { s.done = 3; }); }, {});
  state.phase = Phase::kFailed;
  state.message = "torn";
  jobs.take_over(state, {}, {"key", "a"});
  for (std::int64_t id = latest - 3; id < latest; ++id) {
    const JobState ended = wait_for_end(jobs, id);
    EXPECT_EQ(ended.phase, Phase::kDone);
    EXPECT_EQ(ended.added, 2);
    EXPECT_EQ(ended.done, 3);
  }
  EXPECT_EQ(jobs.find(latest)->message, "torn");
  EXPECT_EQ(jobs.asked_before({"key", "a"})->id, latest);
  EXPECT_GT(jobs.new_id(), latest);
}

TEST(Jobs, TooManyAreRefused) {
  Jobs jobs(1);
  const auto until_cancelled = [](Jobs::Control& job) {
    while (!job.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  int taken = 0;
  EXPECT_THROW(for (; taken < 10; ++taken) jobs.start(0, until_cancelled), HttpError);
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 3);
  EXPECT_EQ(jobs.list().size(), static_cast<std::size_t>(taken));
  EXPECT_THROW(jobs.check_room(), HttpError);
  for (int i = 0; i < 1000; ++i) {  // those that were ended make room
    jobs.cancel(jobs.list().front().id);
    jobs.check_room();
    jobs.start(0, until_cancelled);
  }
}

}  // namespace
}  // namespace shoplens
