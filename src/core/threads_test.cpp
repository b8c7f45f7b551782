// SPDX-License-Identifier: Apache-2.0
#include "core/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "core/hash.h"

namespace shoplens {
namespace {

TEST(ProcessorName, IsOneLineOfText) {
  const std::string name = processor_name();
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(name.find('\n'), name.npos);
}

TEST(ProcessorFeatures, AreWordsOfOneLine) {
  const std::string features = ' ' + processor_features() + ' ';
  EXPECT_EQ(features.find('\n'), features.npos);
#ifdef __x86_64__
  EXPECT_NE(features.find(" sse2 "), features.npos);
#endif
}

TEST(ProcessorIdentity, IsTheNameAndAShortHashOfTheFeatures) {
  const std::string identity = processor_identity(), start = processor_name() + " with features ";
  ASSERT_TRUE(identity.starts_with(start)) << identity;
  EXPECT_EQ(identity.substr(start.size()), sha256_hex(processor_features()).substr(0, 12));
}

TEST(Threads, ThereIsACore) { EXPECT_GE(available_cores(), 1); }

TEST(ParallelFor, CallsEveryIndexOnce) {
  for (const int threads : {-1, 0, 1, 2, 7, 64}) {
    std::vector<std::atomic<int>> calls(50);
    parallel_for(50, threads, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1) << threads;
  }
}

TEST(ParallelFor, NothingToDoCallsNothing) {
  for (const std::int64_t count : {0, -3}) parallel_for(count, 4, [](std::int64_t) { FAIL(); });
}

TEST(ParallelFor, RethrowsTheExceptionAfterAllHaveEnded) {
  for (const int threads : {1, 4}) {
    std::atomic<int> running{0};
    try {
      parallel_for(1000, threads, [&](std::int64_t i) {
        ++running;
        if (i == 5) {
          --running;
          throw std::runtime_error("at 5");
        }
        --running;
      });
      FAIL() << "want an exception";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "at 5");
    }
    EXPECT_EQ(running, 0);
  }
}

TEST(ParallelFor, StopsSoonAfterAnException) {
  std::atomic<int> calls{0};
  EXPECT_THROW(parallel_for(1'000'000'000, 2,
                            [&](std::int64_t) {
                              ++calls;
                              throw std::runtime_error("stop");
                            }),
               std::runtime_error);
  EXPECT_LE(calls, 2);
}

}  // namespace
}  // namespace shoplens
