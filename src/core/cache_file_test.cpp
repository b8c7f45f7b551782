// SPDX-License-Identifier: Apache-2.0
#include "core/cache_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
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
    keep_bytes("speed", "a key", 1000, [] {
      ADD_FAILURE() << "made for no place";
      return std::string("17 3\n");
    });
    EXPECT_FALSE(map_cached("speed", "a key").file) << place;
  }
}

TEST_F(CacheFileTest, BytesAreMappedAsTheyWereKept) {
  EXPECT_FALSE(map_cached("speed", "a key").file);
  const std::string value("a\0b\n", 4);
  keep_bytes("speed", "a key", 1000, [&] { return value; });
  const CachedBytes cached = map_cached("speed", "a key");
  ASSERT_TRUE(cached.file);
  EXPECT_EQ(cached.bytes, value);
  EXPECT_FALSE(map_cached("speed", "another key").file);

  std::string whole = read_file(file_);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    write_file(file_, whole.substr(0, n));
    EXPECT_FALSE(map_cached("speed", "a key").file) << n;
    std::string changed = whole;
    changed[n] ^= 1;
    write_file(file_, changed);
    EXPECT_FALSE(map_cached("speed", "a key").file) << n;
  }
  keep_bytes("speed", "another key", 1000, [&] { return value; });
  fs::rename(file_.parent_path() / sha256_hex("another key"), file_);
  EXPECT_FALSE(map_cached("speed", "a key").file);
}

TEST_F(CacheFileTest, BytesThatWereNotMappedForLongestGo) {
  const auto now = fs::file_time_type::clock::now();
  const auto a_thousand = [] { return std::string(1000, '0'); };
  for (const char* key : {"a", "b", "c", "d"}) {
    keep_bytes("speed", key, 1 << 20, a_thousand);
    fs::last_write_time(file_.parent_path() / sha256_hex(key),
                        now - std::chrono::hours(2 + *key - 'a'));
  }
  EXPECT_TRUE(map_cached("speed", "d").file);
  keep_bytes("speed", "e", 3500, a_thousand);
  for (const char* key : {"a", "d", "e"}) EXPECT_TRUE(map_cached("speed", key).file) << key;
  for (const char* key : {"b", "c"}) EXPECT_FALSE(map_cached("speed", key).file) << key;
}

}  // namespace
}  // namespace shoplens
