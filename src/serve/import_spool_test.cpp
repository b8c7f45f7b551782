// SPDX-License-Identifier: Apache-2.0
#include "serve/import_spool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "core/files.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

class ImportSpoolTest : public testing::Test {
 protected:
  ImportSpoolTest()
      : folder(fs::temp_directory_path() /
               ("shoplens_spool_" + std::to_string(::getpid()) + "_" +
                testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::create_directories(folder);
    request.target = "/v1/imports?label=gala%20apple";
    request.headers["content-type"] = "multipart/form-data; boundary=b";
    request.body = std::string("a\nb\0c\n", 6);
  }
  ~ImportSpoolTest() override { fs::remove_all(folder); }

  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder / "g.db.imports"))
      found.push_back(entry.path().filename());
    return found;
  }

  // As a server that ends and one that starts.
  std::vector<ImportSpool::Import> start_again() {
    spool.reset();
    spool = std::make_unique<ImportSpool>(folder / "g.db", 10'000);
    return spool->take_over(/*make_folder=*/true);
  }

  const fs::path folder;
  HttpRequest request;
  std::unique_ptr<ImportSpool> spool = std::make_unique<ImportSpool>(folder / "g.db", 10'000);
};

TEST_F(ImportSpoolTest, WhatIsKeptIsThereForTheNextServerAndNobodyElse) {
  EXPECT_TRUE(spool->take_over(/*make_folder=*/false).empty());
  EXPECT_FALSE(spool->is_ours());
  EXPECT_FALSE(fs::exists(folder / "g.db.imports"));
  EXPECT_TRUE(start_again().empty());
  EXPECT_TRUE(spool->is_ours());
  spool->keep({70, 2, {"key", "digest"}}, request);
  spool->keep({9, 1, {}}, request);
  EXPECT_EQ(fs::status(folder / "g.db.imports").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(folder / "g.db.imports/9").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(folder / "g.db.imports", fs::perms::all);
  const auto imports = start_again();
  EXPECT_EQ(fs::status(folder / "g.db.imports").permissions(), fs::perms::owner_all);
  ASSERT_EQ(imports.size(), 2u);
  EXPECT_EQ(imports[0].id, 9);
  EXPECT_EQ(imports[0].asked.key, "");
  EXPECT_EQ(imports[1].id, 70);
  EXPECT_EQ(imports[1].total, 2);
  EXPECT_EQ(imports[1].asked.key, "key");
  EXPECT_EQ(imports[1].asked.digest, "digest");
  const HttpRequest read = spool->read(70);
  EXPECT_EQ(read.body, request.body);
  EXPECT_EQ(read.header("content-type"), request.header("content-type"));
  EXPECT_EQ(read.parameter("label"), "gala apple");
  spool->remove(70);
  spool->remove(70);
  spool->remove(9);
  EXPECT_TRUE(files().empty());
}

TEST_F(ImportSpoolTest, OneServerHasThem) {
  start_again();
  spool->keep({5, 1, {}}, request);
  write_file(folder / "g.db.imports/6.tmp1-1", "x");
  {
    ImportSpool other(folder / "g.db", 10'000);
    for (const bool make_folder : {false, true})
      EXPECT_THROW(other.take_over(make_folder), HttpError);
    EXPECT_FALSE(other.is_ours());
    other.remove(5);
  }
  EXPECT_EQ(files().size(), 2u);
  EXPECT_TRUE(spool->is_ours());
  fs::remove_all(folder / "g.db.imports");
  EXPECT_FALSE(spool->is_ours());
  EXPECT_TRUE(spool->take_over(/*make_folder=*/true).empty());
  spool->keep({5, 1, {}}, request);
}

TEST_F(ImportSpoolTest, TakesSoManyBytesInAllThoseOfBeforeToo) {
  start_again();
  request.body.assign(4'000, 'x');
  spool->keep({1, 1, {}}, request);
  spool->keep({2, 1, {}}, request);
  EXPECT_THROW(spool->keep({3, 1, {}}, request), HttpError);
  EXPECT_EQ(files().size(), 2u);
  start_again();
  EXPECT_THROW(spool->keep({3, 1, {}}, request), HttpError);
  spool->remove(1);
  spool->keep({3, 1, {}}, request);
}

TEST_F(ImportSpoolTest, NothingIsLeftOfOneThatCannotBeKept) {
  request.body.assign(6'000, 'x');
  start_again();
  fs::remove(folder / "g.db.imports");
  write_file(folder / "g.db.imports", "no folder");
  for (int i = 0; i < 3; ++i) {  // its room is given back
    try {
      spool->keep({1, 1, {}}, request);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kIo);
    }
  }
  EXPECT_THROW(spool->take_over(/*make_folder=*/true), Error);
  fs::remove(folder / "g.db.imports");
  EXPECT_TRUE(spool->take_over(/*make_folder=*/true).empty());
  spool->keep({1, 1, {}}, request);
}

TEST_F(ImportSpoolTest, WhatCannotBeReadIsNotGone) {
  start_again();
  spool->keep({5, 1, {}}, request);
  const fs::path file = folder / "g.db.imports/5", aside = folder / "aside";
  fs::rename(file, aside);
  fs::create_symlink(file, file);  // which nobody can follow
  try {
    spool->read(5);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kIo);
  }
  fs::rename(aside, file);
  EXPECT_EQ(spool->read(5).body, request.body);
}

TEST_F(ImportSpoolTest, WhatCannotBeRemovedIsThereAndCanBeRemovedLater) {
  start_again();
  spool->keep({5, 1, {}}, request);
  const fs::path file = folder / "g.db.imports/5";
  fs::remove(file);
  fs::create_directories(file / "inside");
  EXPECT_THROW(spool->remove(5), Error);
  spool->discard(5);
  EXPECT_TRUE(spool->has(5));
  fs::remove_all(file);
  spool->remove(5);
  EXPECT_FALSE(spool->has(5));
}

TEST_F(ImportSpoolTest, WhatWasNotWrittenToItsEndIsRemoved) {
  start_again();
  spool->keep({5, 1, {}}, request);
  for (const char* name : {"6.tmp123-0", "notes.txt", "007"})
    write_file(folder / "g.db.imports" / name, "x");
  const auto imports = start_again();
  ASSERT_EQ(imports.size(), 1u);
  EXPECT_EQ(imports[0].id, 5);
  EXPECT_EQ(files().size(), 3u);
}

TEST_F(ImportSpoolTest, EachDamageIsSeen) {
  start_again();
  spool->keep({5, 3, {"key", "digest"}}, request);
  const fs::path file = folder / "g.db.imports/5";
  const std::string whole = read_file(file);
  const auto is_refused = [&](const std::string& spoilt) {
    std::ofstream(file, std::ios::binary) << spoilt;  // which waits for no disk
    EXPECT_EQ(spool->take_over(/*make_folder=*/false).at(0).id, 5);
    EXPECT_THROW(spool->read(5), HttpError);
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    is_refused(whole.substr(0, i));
    std::string spoilt = whole;
    spoilt[i] ^= 1;
    is_refused(spoilt);
  }
  fs::remove(file);
  EXPECT_THROW(spool->read(5), HttpError);
  write_file(file, whole);
  EXPECT_EQ(spool->read(5).body, request.body);
}

}  // namespace
}  // namespace shoplens
