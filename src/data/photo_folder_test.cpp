// SPDX-License-Identifier: Apache-2.0
#include "data/photo_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/error.h"
#include "core/random.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class PhotoFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              join("folder_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const std::string& name) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << "x";
  }
  std::vector<std::string> walk() {
    std::vector<std::string> names;
    for (PhotoFolder photos(folder_); auto name = photos.next();) names.push_back(*name);
    return names;
  }

  fs::path folder_;
};

TEST_F(PhotoFolderTest, ComesOutSortedByteByByte) {
  // A folder's slash stands between . and 0, so neither files nor folders come first.
  const std::vector<std::string> sorted{"a!/1.jpg", "a.png",  "a/1.jpg",  "a/b/0.jpg",
                                        "a/b.jpg",  "a0.jpg", "ab/c.jpg", "b.webp"};
  for (const std::string& name : sorted) put(name);
  std::vector<std::string> want = sorted;
  std::sort(want.begin(), want.end());
  EXPECT_EQ(walk(), want);
}

TEST_F(PhotoFolderTest, IsTheSortedListOfAnyTree) {
  Random random{5};
  const std::string letters = "a.-/0B";
  std::vector<std::string> want;
  for (int i = 0; i < 300; ++i) {
    std::string name = "x";
    for (int n = random.integer(1, 8); n > 0; --n) {
      const char c = letters[static_cast<std::size_t>(random.integer(0, 5))];
      name += c == '/' ? "/y" : std::string(1, c);
    }
    put(name + "z.jpg");
    want.push_back(name + "z.jpg");
  }
  std::sort(want.begin(), want.end());
  want.erase(std::unique(want.begin(), want.end()), want.end());
  EXPECT_EQ(walk(), want);
}

TEST_F(PhotoFolderTest, AFolderThatCannotBeListedIsNamed) {
  try {
    PhotoFolder(folder_ / "none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kIo);
    EXPECT_NE(std::string(error.what()).find("none"), std::string::npos);
  }
}

}  // namespace
}  // namespace shoplens
