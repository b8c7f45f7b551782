// SPDX-License-Identifier: Apache-2.0
#include "serve/private_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

TEST(PrivateFile, WhatLiesThereIsSeenByNobodyElseAndGoes) {
  fs::path folder;
  {
    const PrivateFile file;
    folder = file.path().parent_path();
    write_file(file.path(), "bytes");
    write_file(file.path().string() + ".tmp7", "more");
    EXPECT_EQ(file.size(), 5u);
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
    EXPECT_NE(PrivateFile().path(), file.path());
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST(PrivateFile, SaysWhereNoneCanBeMade) {
  const std::string before = ::getenv("TMPDIR");
  ::setenv("TMPDIR", "/nowhere/at/all", 1);
  try {
    const PrivateFile file;
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kIo);
    EXPECT_NE(std::string(e.what()).find("/nowhere/at/all"), std::string::npos) << e.what();
  }
  EXPECT_EQ(PrivateFile::remove_abandoned(), 0);
  ::setenv("TMPDIR", before.c_str(), 1);
}

TEST(PrivateFile, ThatOfAKilledProcessIsRemovedLater) {
  const fs::path temporary = fs::temp_directory_path() / join("private-file-test-", ::getpid());
  fs::create_directory(temporary);
  const char* const before = ::getenv("TMPDIR");
  const std::string restored = before ? before : "";
  ::setenv("TMPDIR", temporary.c_str(), 1);
  const auto yesterday = fs::file_time_type::clock::now() - std::chrono::hours(24);
  {
    const PrivateFile alive;
    write_file(alive.path(), "bytes");
    const auto folder = [&](const char* name, fs::perms mode) {
      fs::create_directory(temporary / name);
      fs::permissions(temporary / name, mode);
      write_file(temporary / name / "file", "bytes");
      return temporary / name;
    };
    const fs::path abandoned = folder("shoplens-serve-a1B2c3", fs::perms::owner_all),
                   open = folder("shoplens-serve-open77", fs::perms::all),
                   named = folder("shoplens-serve-of-my-shop", fs::perms::owner_all);
    EXPECT_EQ(PrivateFile::remove_abandoned(), 0) << "they may have been made just now";
    for (const fs::path& path : {abandoned, open, named, alive.path().parent_path()})
      fs::last_write_time(path, yesterday);
    EXPECT_EQ(PrivateFile::remove_abandoned(), 1);
    EXPECT_FALSE(fs::exists(abandoned));
    for (const fs::path& path : {open, named, alive.path()}) EXPECT_TRUE(fs::exists(path)) << path;
  }
  before ? ::setenv("TMPDIR", restored.c_str(), 1) : ::unsetenv("TMPDIR");
  fs::remove_all(temporary);
}

}  // namespace
}  // namespace shoplens
