// SPDX-License-Identifier: Apache-2.0
#include "serve/private_file.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace shoplens
