// SPDX-License-Identifier: Apache-2.0
#include "serve/private_file.h"

#include <gtest/gtest.h>
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

TEST(PrivateFile, ThatOfAKilledProcessIsRemovedLater) {
  const fs::path temporary = fs::temp_directory_path();
  const fs::path abandoned = temporary / join("shoplens-test-", ::getpid());
  fs::create_directory(abandoned);
  write_file(abandoned / "file", "bytes");
  const PrivateFile alive;
  write_file(alive.path(), "bytes");
  PrivateFile::remove_abandoned();
  EXPECT_TRUE(fs::exists(abandoned)) << "it may have been made just now";
  const auto yesterday = fs::file_time_type::clock::now() - std::chrono::hours(24);
  fs::last_write_time(abandoned, yesterday);
  fs::last_write_time(alive.path().parent_path(), yesterday);
  EXPECT_GE(PrivateFile::remove_abandoned(), 1);
  EXPECT_FALSE(fs::exists(abandoned));
  EXPECT_TRUE(fs::exists(alive.path()));
}

}  // namespace
}  // namespace shoplens
