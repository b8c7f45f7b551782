// SPDX-License-Identifier: Apache-2.0
#include "core/cache_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "core/files.h"
#include "core/hash.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class CacheFileTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(home_);
    fs::create_directories(home_);
    ::setenv("XDG_CACHE_HOME", home_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("XDG_CACHE_HOME");
    fs::remove_all(home_);
  }

  fs::path home_ = fs::path(testing::TempDir()) / "cache_file_test";
  fs::path file_ = home_ / "shoplens" / "speed" / sha256_hex("a key");
};

TEST_F(CacheFileTest, GivesBackWhatWasKeptUnderTheKey) {
  EXPECT_FALSE(read_cached("speed", "a key"));
  write_cached("speed", "a key", "17 3\n");
  EXPECT_EQ(read_cached("speed", "a key"), "17 3\n");
  EXPECT_FALSE(read_cached("speed", "another key"));
  EXPECT_FALSE(read_cached("size", "a key"));
  write_cached("speed", "a key", "");
  EXPECT_EQ(read_cached("speed", "a key"), "");
}

TEST_F(CacheFileTest, ADamagedFileIsNoFile) {
  write_cached("speed", "a key", "17 3\n");
  const std::string whole = read_file(file_);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    write_file(file_, whole.substr(0, n));
    EXPECT_FALSE(read_cached("speed", "a key")) << n;
  }
  write_file(file_, "another key\n17 3\nend\n");
  EXPECT_FALSE(read_cached("speed", "a key"));
  write_file(file_, std::string(1 << 20, 'x'));
  EXPECT_FALSE(read_cached("speed", "a key"));
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_FALSE(read_cached("speed", "a key"));
  write_cached("speed", "a key", "17 3\n");
}

TEST_F(CacheFileTest, APlaceThatCannotBeWrittenIsNoError) {
  for (const char* place : {"/dev/null", "/proc", ""}) {
    ::setenv("XDG_CACHE_HOME", place, 1);
    if (!*place) ::setenv("HOME", "relative", 1);
    write_cached("speed", "a key", "17 3\n");
    EXPECT_FALSE(read_cached("speed", "a key")) << place;
  }
}

}  // namespace
}  // namespace shoplens
