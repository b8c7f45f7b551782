// SPDX-License-Identifier: Apache-2.0
#include "core/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iterator>

#include "core/error.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(folder), {}); }
  const fs::path folder =
      fs::temp_directory_path() / ("shoplens_files_" + std::to_string(::getpid()));
  const fs::path path = folder / "f";
};

template <class Body>
Error error_of(Body body) {
  try {
    body();
  } catch (const Error& e) {
    return e;
  }
  return {ErrorCode::kInternal, "no error"};
}

TEST_F(FilesTest, BytesComeBack) {
  const std::string bytes("a\0\r\n\xff", 5);
  write_file(path, bytes);
  EXPECT_EQ(read_file(path), bytes);
  write_file(path, "");
  EXPECT_EQ(read_file(path), "");
}

TEST_F(FilesTest, WithoutCommitNothingIsLeft) {
  write_file(path, "old");
  {
    AtomicFile file(path);
    file.stream() << "new" << std::flush;
    EXPECT_EQ(read_file(path), "old");
    EXPECT_EQ(entries(), 2);
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(FilesTest, WhatCannotBeSyncedIsNotCommitted) {
  write_file(path, "old");
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const Error e = error_of([&] {
    AtomicFile file(path);
    file.stream() << "new";
    const rlimit none{3, files.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    file.commit();
  });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(e.code, ErrorCode::kIo) << e.what();
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(FilesTest, OneForItsOwnerIsSoBeforeItHasContent) {
  AtomicFile file(path, AtomicFile::Access::kOwner);
  const auto owner = fs::perms::owner_read | fs::perms::owner_write;
  EXPECT_EQ(fs::directory_iterator(folder)->status().permissions(), owner);
  file.commit();
  EXPECT_EQ(fs::status(path).permissions(), owner);
}

TEST_F(FilesTest, CommitReplacesTheOldFile) {
  write_file(path, "old and longer");
  write_file(path, "new");
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(entries(), 1);
}

TEST_F(FilesTest, TwoWritersOfOneFileDoNotMix) {
  AtomicFile first(path), second(path);
  first.stream() << "first";
  second.stream() << "second";
  first.commit();
  EXPECT_EQ(read_file(path), "first");
  second.commit();
  EXPECT_EQ(read_file(path), "second");
  EXPECT_EQ(entries(), 1);
}

TEST_F(FilesTest, CommitOntoAFolderFailsAndLeavesNothing) {
  fs::create_directories(path / "inside");
  const Error e = error_of([&] { write_file(path, "x"); });
  EXPECT_EQ(e.code, ErrorCode::kIo);
  EXPECT_TRUE(std::string(e.what()).starts_with("cannot rename onto it: ")) << e.what();
  EXPECT_EQ(entries(), 1);
}

TEST_F(FilesTest, WritingIntoAMissingFolderSaysSo) {
  const fs::path missing = folder / "gone" / "f";
  const Error e = error_of([&] { write_file(missing, "x"); });
  EXPECT_EQ(e.code, ErrorCode::kIo);
  EXPECT_EQ(std::string(e.what()),
            "cannot write: No such file or directory (" + missing.string() + ")");
  EXPECT_EQ(e.hint, "check that the folder exists and that you may write there");
}

TEST_F(FilesTest, AFullDiskIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  std::ofstream full("/dev/full");  // what commit() relies on: close reports what a write could not
  full << "x";
  full.close();
  EXPECT_FALSE(full);
}

TEST_F(FilesTest, ReadErrorsNameThePath) {
  const Error absent = error_of([&] { read_file(path); });
  EXPECT_EQ(absent.code, ErrorCode::kNotFound);
  EXPECT_EQ(std::string(absent.what()), "want a file, found nothing (" + path.string() + ")");
  const Error is_folder = error_of([&] { read_file(folder); });
  EXPECT_EQ(is_folder.code, ErrorCode::kBadInput);
  EXPECT_EQ(std::string(is_folder.what()), "want a file, got a folder (" + folder.string() + ")");
  write_file(path, "12345");
  EXPECT_EQ(read_file(path, 5), "12345");
  const Error large = error_of([&] { read_file(path, 4); });
  EXPECT_EQ(large.code, ErrorCode::kBadInput);
  EXPECT_EQ(std::string(large.what()), "want at most 4 bytes, got 5 (" + path.string() + ")");
}

TEST_F(FilesTest, WhatCannotBeLookedAtIsNotTakenForAbsent) {
  EXPECT_TRUE(is_there(folder));
  EXPECT_FALSE(is_there(path));
  write_file(path, "x");
  EXPECT_TRUE(is_there(path));
  EXPECT_FALSE(is_there(path / "below a file"));
  const fs::path link = folder / "link";
  fs::create_symlink("gone", link);
  EXPECT_FALSE(is_there(link));
  fs::remove(link);
  fs::create_symlink("link", link);  // to itself: nobody may pass, root neither
  const Error e = error_of([&] { is_there(link / "f"); });
  EXPECT_EQ(e.code, ErrorCode::kIo);
  EXPECT_EQ(std::string(e.what()),
            "cannot tell whether it exists: Too many levels of symbolic links (" +
                (link / "f").string() + ")");
  EXPECT_EQ(e.hint, "check that you may enter the folders that the path leads through");
}

TEST_F(FilesTest, AnUnreadableFileIsAnIoError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  write_file(path, "x");
  fs::permissions(path, fs::perms::none);
  EXPECT_EQ(std::string(error_of([&] { read_file(path); }).what()),
            "cannot open: Permission denied (" + path.string() + ")");
}

TEST_F(FilesTest, AFileWithoutASizeIsReadToItsEnd) {
  EXPECT_FALSE(read_file("/proc/self/status").empty());  // its size reads as 0
  EXPECT_EQ(error_of([] { read_file("/proc/self/status", 3); }).code, ErrorCode::kBadInput);
}

TEST(Error, CodesHaveNames) {
  EXPECT_STREQ(error_code_name(ErrorCode::kBadInput), "bad_input");
  EXPECT_STREQ(error_code_name(ErrorCode::kUnsupported), "unsupported");
}

TEST(Error, CheckJoinsItsParts) {
  EXPECT_NO_THROW(check(true, "never"));
  const Error e = error_of([] { check(false, "f: want ", 3, ", got ", 1.5); });
  EXPECT_EQ(e.code, ErrorCode::kBadInput);
  EXPECT_STREQ(e.what(), "f: want 3, got 1.5");
}

}  // namespace
}  // namespace shoplens
