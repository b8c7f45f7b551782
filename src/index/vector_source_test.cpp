// SPDX-License-Identifier: Apache-2.0
#include "index/vector_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"

namespace shoplens {
namespace {

const std::vector<float> kValues = [] {
  std::vector<float> values(3000);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}();

// Vectors of 3 components, 7 at once.
VectorSource from_elsewhere(int* times = nullptr) {
  return {kValues.size(), [times](const VectorSource::Sink& sink) {
            if (times) ++*times;
            for (std::size_t at = 0; at < kValues.size(); at += 21)
              sink(std::span(kValues).subspan(at, std::min<std::size_t>(21, kValues.size() - at)));
          }};
}

std::vector<float> read(const VectorSource& source) {
  std::vector<float> values;
  source.read([&](auto some) { values.insert(values.end(), some.begin(), some.end()); });
  return values;
}

std::vector<float> of(const SharedVectors& shared) {
  return {shared.values.begin(), shared.values.end()};
}

TEST(VectorSource, GivesTheSameFromMemoryAndFromElsewhere) {
  for (const bool elsewhere : {false, true}) {
    const auto source = [&] { return elsewhere ? from_elsewhere() : VectorSource(kValues); };
    EXPECT_EQ(source().size(), kValues.size());
    EXPECT_EQ(read(source()), kValues);
    EXPECT_EQ(source().take(), kValues);
    EXPECT_EQ(of(source().share(std::filesystem::temp_directory_path())), kValues);
  }
}

TEST(VectorSource, ReadsElsewhereOnlyWhenItIsAsked) {
  int times = 0;
  VectorSource source = from_elsewhere(&times);
  EXPECT_EQ(times, 0);
  EXPECT_EQ(read(source), read(source));
  EXPECT_EQ(times, 2);
}

TEST(VectorSource, SharesWhatIsElsewhereInAFileWithoutAName) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("shoplens_source_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  {
    const SharedVectors shared = from_elsewhere().share(folder);
    EXPECT_EQ(of(shared), kValues);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
  std::filesystem::remove_all(folder);
}

TEST(VectorSource, IsHeldInMemoryWhereNoFileCanBe) {
  EXPECT_EQ(of(from_elsewhere().share("/nonexistent")), kValues);
}

TEST(VectorSource, IsOfNoMoreUseThanItsSource) {
  VectorSource damaged(kValues.size(), [](const VectorSource::Sink& sink) {
    sink(std::span(kValues).first(30));
    throw Error(ErrorCode::kCorrupt, "damaged");
  });
  EXPECT_THROW(damaged.share(std::filesystem::temp_directory_path()), Error);
  EXPECT_THROW(damaged.take(), Error);
}

// What it holds for its reading, such as a transaction, is let go.
TEST(VectorSource, ForgetsItsSourceOnceItIsTaken) {
  const auto held = std::make_shared<int>();
  const auto source = [&] {
    return VectorSource(3, [held](const VectorSource::Sink& sink) { sink({{1, 2, 3}}); });
  };
  VectorSource taken = source(), shared = source();
  EXPECT_EQ(held.use_count(), 3);
  taken.take();
  shared.share(std::filesystem::temp_directory_path());
  EXPECT_EQ(held.use_count(), 1);
}

TEST(VectorSource, ChangesAlikeInMemoryAndElsewhere) {
  // The first of three components, twice.
  const auto firsts = [](std::vector<float> some) {
    std::vector<float> out;
    for (std::size_t at = 0; at < some.size(); at += 3) out.insert(out.end(), 2, some[at]);
    return out;
  };
  VectorSource here = VectorSource(kValues).changed(3, 2, firsts),
               elsewhere = from_elsewhere().changed(3, 2, firsts);
  EXPECT_EQ(here.size(), 2000u);
  EXPECT_EQ(elsewhere.size(), 2000u);
  EXPECT_EQ(read(here), firsts(kValues));
  EXPECT_EQ(read(elsewhere), firsts(kValues));
}

}  // namespace
}  // namespace shoplens
