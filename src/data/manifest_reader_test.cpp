// SPDX-License-Identifier: Apache-2.0
#include "data/manifest_reader.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class ManifestReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              join("reader_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
};

TEST_F(ManifestReaderTest, GivesTheRowsBeforeAMistakeAndThenNamesIt) {
  std::ofstream(folder_ / "list.csv") << "note,path,label\nx,a.jpg,pear\n\ny,sub/../b.jpg,\nz\n";
  ManifestReader reader(folder_ / "list.csv", /*want_labels=*/false);
  EXPECT_EQ(reader.columns(), std::vector<std::string>{"note"});
  const auto first = reader.next(), second = reader.next();
  EXPECT_EQ(first->name, "a.jpg");
  EXPECT_EQ(first->label, "pear");
  EXPECT_EQ(first->values, std::vector<std::string>{"x"});
  EXPECT_EQ(second->line, 4);
  EXPECT_EQ(second->label, "");
  EXPECT_EQ(reader.path_of(second->name), folder_ / "b.jpg");
  EXPECT_THROW(reader.next(), Error);
}

// The list is that of `paths`, line by line.
std::string said_of(PathHashes hashes, const std::vector<std::string>& paths, int* asked) {
  for (const std::string& path : paths) hashes.add(path);
  try {
    hashes.check_distinct("x.csv", [&](const PathHashes::Row& see) {
      ++*asked;
      for (std::size_t i = 0; i < paths.size(); ++i)
        see(paths[i], paths[i], static_cast<std::int64_t>(i) + 2);
    });
  } catch (const Error& error) {
    return error.what();
  }
  return "distinct";
}

TEST(PathHashes, NameTheFirstPathThatComesAgain) {
  int asked = 0;
  EXPECT_EQ(said_of(PathHashes(), {"a", "b", "c", "b", "a"}, &asked),
            "x.csv:5: want each photo once, got b again (first on line 3)");
  EXPECT_EQ(asked, 1);
}

TEST(PathHashes, OfDistinctPathsAskForNothingMore) {
  int asked = 0;
  EXPECT_EQ(said_of(PathHashes(), {"a", "b", "c"}, &asked), "distinct");
  EXPECT_EQ(asked, 0);
}

TEST(PathHashes, ThatCollideRefuseNoGoodList) {
  int asked = 0;
  const auto length = [](const std::string& path) { return std::uint64_t{path.size()}; };
  EXPECT_EQ(said_of(PathHashes(length), {"aa", "bb", "c"}, &asked), "distinct");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(said_of(PathHashes(length), {"aa", "bb", "c", "aa"}, &asked),
            "x.csv:5: want each photo once, got aa again (first on line 2)");
}

}  // namespace
}  // namespace shoplens
