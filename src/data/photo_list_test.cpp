// SPDX-License-Identifier: Apache-2.0
#include "data/photo_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/error.h"
#include "core/threads.h"
#include "data/manifest.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;
using Fields = std::vector<std::string>;

class PhotoListTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              join("list_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path csv(const std::string& text) {
    std::ofstream(folder_ / "list.csv", std::ios::binary) << text;
    return folder_ / "list.csv";
  }
  PhotoList open(const fs::path& source) { return PhotoList(source, folder_ / "copy"); }

  fs::path folder_;
};

TEST_F(PhotoListTest, HasTheRowsOfReadManifest) {
  const fs::path source =
      csv("note,path,label\n\"a,\n\"\"b\",x/../1.jpg,pear\n,2.jpg,\nz,/abs/3.jpg,fig\n");
  const Manifest want = read_manifest(source, /*want_labels=*/false);
  PhotoList list = open(source);
  ASSERT_EQ(list.size(), want.size());
  EXPECT_EQ(list.header(), (Fields{"path", "label", "note"}));
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(list.path(i), want.paths[i]);
    EXPECT_EQ(list.fields(list.take()),
              (Fields{want.names[i], want.labels[i], want.columns[0].values[i]}));
  }
}

TEST_F(PhotoListTest, LeavesOutLabelsThatNobodyHas) {
  PhotoList list = open(csv("path,label\n1.jpg,\n2.jpg,\n"));
  EXPECT_EQ(list.header(), Fields{"path"});
  EXPECT_EQ(list.fields(list.take()), Fields{"1.jpg"});
}

TEST_F(PhotoListTest, IsKeptWhenTheListChangesMeanwhile) {
  const fs::path source = csv("path\n1.jpg\n2.jpg\n");
  PhotoList list = open(source);
  csv("path\n3.jpg\n");
  EXPECT_EQ(list.take().name, "1.jpg");
  EXPECT_EQ(list.take().name, "2.jpg");
}

TEST_F(PhotoListTest, RefusesAPhotoListedTwiceAndAMistakeAtTheEnd) {
  try {
    open(csv("path\n1.jpg\n2.jpg\nx/../1.jpg\n"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what())
                  .find("list.csv:4: want each photo once, got x/../1.jpg again (first on line 2)"),
              std::string::npos)
        << error.what();
  }
  EXPECT_THROW(open(csv("path\n1.jpg\n2.jpg,x\n")), Error);
}

TEST_F(PhotoListTest, FingerprintIsOfEveryField) {
  const auto of = [&](const std::string& text) { return open(csv(text)).fingerprint(); };
  const std::string one = of("path,label\n1.jpg,a\n");
  EXPECT_EQ(of("path,label\r\n\"1.jpg\",a\r\n"), one);
  EXPECT_NE(of("path,label\n1.jpg,b\n"), one);
  EXPECT_NE(of("path,note\n1.jpg,a\n"), one);
  EXPECT_NE(of("path,label\n1.jpg,a\n2.jpg,a\n"), one);
}

TEST_F(PhotoListTest, AnswersManyThreadsAhead) {
  std::string text = "path\n";
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + ".jpg\n";
  PhotoList list = open(csv(text));
  for (std::size_t first = 0; first < 1000; first += 100) {
    parallel_for(100, 4, [&](std::int64_t i) {
      const std::size_t place = first + static_cast<std::size_t>(i);
      EXPECT_EQ(list.path(place), folder_ / (std::to_string(place) + ".jpg"));
    });
    for (std::size_t place = first; place < first + 100; ++place)
      EXPECT_EQ(list.take().name, std::to_string(place) + ".jpg");
  }
}

}  // namespace
}  // namespace shoplens
