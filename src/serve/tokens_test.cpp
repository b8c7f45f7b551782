// SPDX-License-Identifier: Apache-2.0
#include "serve/tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

class TokensTest : public testing::Test {
 protected:
  TokensTest()
      : file(std::filesystem::temp_directory_path() /
             ("shoplens_tokens_" + std::to_string(::getpid()))) {
    std::filesystem::remove(file);
  }
  ~TokensTest() override { std::filesystem::remove(file); }
  std::filesystem::path file;
};

TEST_F(TokensTest, AFileOutOfReachIsNotWrittenAnew) {
  std::filesystem::create_symlink(file.filename(), file);  // to itself: nobody may pass
  EXPECT_THROW(create_token(file, "till", Role::kRead), Error);
  EXPECT_TRUE(std::filesystem::is_symlink(file));
}

TEST_F(TokensTest, ASecretIsFoundAgainAndNotKept) {
  const std::string till = create_token(file, "till 3", Role::kRead),
                    boss = create_token(file, "boss", Role::kAdmin);
  EXPECT_EQ(till.size(), 52u);
  EXPECT_NE(till, boss);
  const auto tokens = read_tokens(file);
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(find_token(tokens, till)->name, "till 3");
  EXPECT_EQ(find_token(tokens, till)->role, Role::kRead);
  EXPECT_EQ(find_token(tokens, boss)->role, Role::kAdmin);
  EXPECT_FALSE(find_token(tokens, "shl_"));
  EXPECT_FALSE(find_token(tokens, ""));
  EXPECT_FALSE(find_token(tokens, tokens[0].hash));
  EXPECT_EQ(read_file(file).find(till), std::string::npos);
  struct stat status;
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(TokensTest, RefusesWhatItCouldNotReadAgain) {
  create_token(file, "till", Role::kRead);
  EXPECT_THROW(create_token(file, "till", Role::kWrite), Error);
  EXPECT_THROW(create_token(file, "", Role::kWrite), Error);
  EXPECT_THROW(create_token(file, "a\nadmin", Role::kWrite), Error);
  EXPECT_EQ(read_tokens(file).size(), 1u);
}

TEST_F(TokensTest, ADamagedFileIsNamedWithItsLine) {
  for (const std::string& line :
       {std::string("read"), std::string("read abc name"),
        std::string("god " + std::string(64, 'a') + " x"), "read " + std::string(64, 'A') + " x",
        "read " + std::string(64, 'a')}) {
    write_file(file, "# comment\n\n" + line + "\n");
    EXPECT_THROW(read_tokens(file), Error) << line;
  }
  EXPECT_THROW(read_tokens("/absent/file"), Error);
}

TEST_F(TokensTest, AFileWithoutTokensIsRefusedAndCanBeFilled) {
  for (const char* text : {"", "# comment\n", "\n\n"}) {
    write_file(file, text);
    try {
      read_tokens(file);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_STREQ(
          e.what(),
          ("tokens: want at least one, the file has none (" + file.string() + ")").c_str());
    }
  }
  create_token(file, "till", Role::kRead);
  EXPECT_EQ(read_tokens(file).size(), 1u);
}

}  // namespace
}  // namespace shoplens
