// SPDX-License-Identifier: Apache-2.0
#include "ranking/kept_index.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "core/error.h"
#include "core/files.h"
#include "ranking/test_vectors.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr int kDim = 16;

class KeptIndex : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  // Whether it came from the file, which is then left as it is, or was made.
  bool kept(const std::vector<float>& vectors, double recall) {
    const auto before = fs::exists(file) ? read_file(file) : "";
    const ApproximateIndex index = kept_index(vectors, kDim, recall, 2, file);
    EXPECT_EQ(index.search_exactly(queries, 5).size(), 20u);
    EXPECT_EQ(index.vectors(), vectors);
    return read_file(file) == before;
  }
  const fs::path folder =
      fs::temp_directory_path() / ("shoplens_kept_" + std::to_string(::getpid()));
  const fs::path file = folder / "g.db.cells";
  const std::vector<float> vectors = clustered_vectors(2000, kDim, 50, 0.2, 1);
  const std::vector<float> queries = clustered_vectors(20, kDim, 50, 0.2, 2);
};

TEST_F(KeptIndex, IsMadeOnceForTheSameVectorsAndRecall) {
  EXPECT_FALSE(kept(vectors, 0.9));
  EXPECT_TRUE(kept(vectors, 0.9));
  EXPECT_FALSE(kept(vectors, 0.95));
  auto others = vectors;
  others[31999] = -others[31999];
  EXPECT_FALSE(kept(others, 0.95));
}

TEST_F(KeptIndex, ADamagedFileIsMadeAgain) {
  EXPECT_FALSE(kept(vectors, 0.9));
  std::string bytes = read_file(file);
  bytes[bytes.size() / 2] ^= 1;
  write_file(file, bytes);
  EXPECT_FALSE(kept(vectors, 0.9));
  EXPECT_TRUE(kept(vectors, 0.9));
}

TEST_F(KeptIndex, AnswersAsBeforeItWasKept) {
  const ApproximateIndex without(share(vectors), kDim, {.recall = 0.9}, 2);
  const ApproximateIndex made = kept_index(vectors, kDim, 0.9, 2, file),
                         read = kept_index(vectors, kDim, 0.9, 1, file);
  EXPECT_EQ(made.search(queries, 5), without.search(queries, 5));
  EXPECT_EQ(read.search(queries, 5), without.search(queries, 5));
}

// Read twice, for the key and to make it, and later once.
TEST_F(KeptIndex, IsTheSameOfVectorsFromElsewhere) {
  int times = 0;
  const auto source = [&] {
    return VectorSource(vectors.size(), [&](const VectorSource::Sink& sink) {
      ++times;
      for (std::size_t at = 0; at < vectors.size(); at += 10 * kDim)
        sink(std::span(vectors).subspan(at, 10 * kDim));
    });
  };
  const ApproximateIndex made = kept_index(source(), kDim, 0.9, 2, file);
  EXPECT_EQ(times, 2);
  EXPECT_TRUE(kept(vectors, 0.9));
  const ApproximateIndex again = kept_index(source(), kDim, 0.9, 2, file);
  EXPECT_EQ(times, 3);
  for (const ApproximateIndex* index : {&made, &again}) {
    EXPECT_EQ(index->vectors(), vectors);
    EXPECT_EQ(index->search(queries, 5),
              ApproximateIndex(share(vectors), kDim, {.recall = 0.9}, 2).search(queries, 5));
  }
}

TEST_F(KeptIndex, PassesOnWhyTheVectorsCannotBeRead) {
  for (const bool file_is_there : {false, true}) {
    if (file_is_there) kept(vectors, 0.9);
    const VectorSource damaged(vectors.size(), [](const VectorSource::Sink&) {
      throw Error(ErrorCode::kCorrupt, "the gallery is damaged");
    });
    try {
      kept_index(damaged, kDim, 0.9, 2, file);
      FAIL() << "no error";
    } catch (const Error& e) {
      EXPECT_STREQ(e.what(), "the gallery is damaged");
    }
    EXPECT_EQ(fs::exists(file), file_is_there);
  }
}

TEST_F(KeptIndex, WorksWhereNothingCanBeWritten) {
  const VectorSource streamed(vectors.size(),
                              [&](const VectorSource::Sink& sink) { sink(vectors); });
  for (const VectorSource& source : {VectorSource(vectors), streamed})
    EXPECT_EQ(kept_index(source, kDim, 0.9, 2, folder / "none" / "x.cells").size(), 2000);
}

}  // namespace
}  // namespace shoplens
