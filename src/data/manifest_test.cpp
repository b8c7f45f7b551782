// SPDX-License-Identifier: Apache-2.0
#include "data/manifest.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/hash.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class ManifestTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              join("manifest_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path put(const std::string& name, const std::string& bytes = "") {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  Manifest csv(const std::string& text, bool want_labels = true) {
    return read_manifest(put("train.csv", text), want_labels);
  }
  // The error's text, with the test's folder taken out.
  std::string error_of(const fs::path& source, bool want_labels = true) {
    try {
      read_manifest(source, want_labels);
    } catch (const Error& error) {
      std::string what = error.what();
      const std::string here = folder_.string() + "/";
      if (const auto at = what.find(here); at != std::string::npos) what.erase(at, here.size());
      return what;
    }
    return "none";
  }
  std::string csv_error(const std::string& text, bool want_labels = true) {
    return error_of(put("train.csv", text), want_labels);
  }

  fs::path folder_;
};

TEST_F(ManifestTest, ReadsACsvAndKeepsItsOtherColumns) {
  const Manifest manifest =
      csv("\xEF\xBB\xBF"
          "path,coarse_label,label,note\r\nb/2.jpg,fruit,\"apple, "
          "red\",\r\n/abs/1.png,fruit,pear,x\r\n");
  EXPECT_EQ(manifest.source, folder_ / "train.csv");
  EXPECT_EQ(manifest.names, (Names{"b/2.jpg", "/abs/1.png"}));
  EXPECT_EQ(manifest.paths, (std::vector<fs::path>{folder_ / "b/2.jpg", "/abs/1.png"}));
  EXPECT_EQ(manifest.labels, (Names{"apple, red", "pear"}));
  ASSERT_EQ(manifest.columns.size(), 2u);
  EXPECT_EQ(manifest.columns[0].name, "coarse_label");
  EXPECT_EQ(manifest.columns[0].values, (Names{"fruit", "fruit"}));
  EXPECT_EQ(manifest.columns[1].values, (Names{"", "x"}));
}

TEST_F(ManifestTest, NamesFileAndLineOfWhatIsWrong) {
  EXPECT_EQ(csv_error(""), "train.csv:1: want a header with path,label; got an empty file");
  EXPECT_EQ(csv_error("path,label\n"), "train.csv:1: want at least one photo, got a header alone");
  EXPECT_EQ(csv_error("file,label\na,b\n"), "train.csv:1: want a column path, got file,label");
  EXPECT_EQ(csv_error("path,x\na,b\n"), "train.csv:1: want a column label, got path,x");
  EXPECT_EQ(csv_error("path,label,path\n"), "train.csv:1: want each column once, got path twice");
  EXPECT_EQ(csv_error("path,label,x\na,b,c\n\nb,c\n"), "train.csv:4: want 3 columns, got 2");
  EXPECT_EQ(csv_error("path,label\na,b\n,c\n"), "train.csv:3: want a path, got an empty field");
  EXPECT_EQ(csv_error("path,label\na,\n"), "train.csv:2: want a label, got an empty field");
  EXPECT_EQ(csv_error("path,label\na,\"b\n"),
            "train.csv:2: want a closing quote, got the end of the file");
  EXPECT_EQ(csv_error("path,label\na.jpg,x\nb.jpg,x\nc/../a.jpg,y\n"),
            "train.csv:4: want each photo once, got c/../a.jpg again (first on line 2)");
}

TEST_F(ManifestTest, WithoutLabelsTakesACsvOfPaths) {
  EXPECT_EQ(csv("path\na.jpg\nb.jpg\n", false).labels, (Names{"", ""}));
  EXPECT_EQ(csv("path,label\na.jpg,x\nb.jpg,\n", false).labels, (Names{"x", ""}));
}

TEST_F(ManifestTest, ReadsAFolderAClass) {
  for (const char* name :
       {"pear/2.JPG", "pear/10.jpeg", "apple/b.PNG", "apple/deep/a.webp", "apple/notes.txt",
        "apple/.hidden.jpg", ".thumbs/x.jpg", "readme.md", "empty/.keep"})
    put(name);
  fs::create_directory(folder_ / "apple" / "folder.jpg");
  const Manifest manifest = read_manifest(folder_);
  EXPECT_EQ(manifest.names,
            (Names{"apple/b.PNG", "apple/deep/a.webp", "pear/10.jpeg", "pear/2.JPG"}));
  EXPECT_EQ(manifest.labels, (Names{"apple", "apple", "pear", "pear"}));
  EXPECT_EQ(manifest.paths[0], folder_ / "apple/b.PNG");
  EXPECT_TRUE(manifest.columns.empty());
}

TEST_F(ManifestTest, FollowsALinkedClassFolderAndNoCircle) {
  put("real/apple/1.jpg");
  fs::create_directory(folder_ / "shop");
  fs::create_directory_symlink(folder_ / "real/apple", folder_ / "shop/apple");
  fs::create_directory_symlink(folder_ / "shop", folder_ / "real/apple/round");
  EXPECT_EQ(read_manifest(folder_ / "shop").names, Names{"apple/1.jpg"});
}

TEST_F(ManifestTest, RefusesAFolderThatIsNotOneAClass) {
  put("shop/apple/1.jpg");
  put("shop/2.jpg");
  EXPECT_EQ(
      error_of(folder_ / "shop"),
      "manifest: want one folder of photos a class, got a photo outside of them (shop/2.jpg)");
  EXPECT_EQ(read_manifest(folder_ / "shop", false).labels, (Names{"", "apple"}));
  fs::create_directory(folder_ / "none");
  EXPECT_EQ(error_of(folder_ / "none", false),
            "manifest: want photos (.jpg .jpeg .png .webp), found none (none)");
}

TEST_F(ManifestTest, TakesASinglePhotoWhereNoLabelIsWanted) {
  const fs::path photo = put("a.jpg");
  const Manifest manifest = read_manifest(photo, false);
  EXPECT_EQ(manifest.paths, std::vector<fs::path>{photo});
  EXPECT_EQ(manifest.names, Names{photo.string()});
  EXPECT_EQ(error_of(photo),
            "manifest: want a CSV or a folder with a folder a class, got a photo (a.jpg)");
}

TEST_F(ManifestTest, AMissingFileIsNotFound) {
  for (const char* name : {"none.csv", "none.jpg"}) try {
      read_manifest(folder_ / name, false);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kNotFound);
    }
}

TEST_F(ManifestTest, TruncationAtAnyByteIsAListOrAnError) {
  const std::string text =
      "path,label,coarse_label\r\n\"a,1.jpg\",caf\xC3\xA9,\"x \"\"y\"\"\"\r\nb.jpg,\"l\nm\",z\r\n";
  for (std::size_t n = 0; n <= text.size(); ++n) try {
      const Manifest manifest = csv(text.substr(0, n));
      EXPECT_EQ(manifest.labels.size(), manifest.size());
      for (const auto& column : manifest.columns) EXPECT_EQ(column.values.size(), manifest.size());
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kBadInput) << n;
    }
}

TEST(Labels, AreNumberedInSortedOrder) {
  const LabelSet set = number_labels({"pear", "apple", "pear", "Fig"});
  EXPECT_EQ(set.names, (Names{"Fig", "apple", "pear"}));
  EXPECT_EQ(set.of_row, (std::vector<std::int64_t>{2, 1, 2, 0}));
  EXPECT_TRUE(number_labels({}).names.empty());
}

TEST(Labels, HashIsOfTheNamesALineEach) {
  EXPECT_EQ(labels_hash({"a", "b"}), sha256_hex("a\nb\n"));
  EXPECT_NE(labels_hash({"a", "b"}), labels_hash({"b", "a"}));
}

}  // namespace
}  // namespace shoplens
