// SPDX-License-Identifier: Apache-2.0
// main() of every GoogleTest program. ctest runs each test in a process of its own and several at a
// time, so each process gets a temporary folder of its own: testing::TempDir() and
// std::filesystem::temp_directory_path().
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string folder = (std::filesystem::temp_directory_path() / "shoplens_test_XXXXXX").string();
  if (!::mkdtemp(folder.data())) {
    std::perror(folder.c_str());
    return 1;
  }
  ::setenv("TEST_TMPDIR", (folder + "/").c_str(), 1);
  ::setenv("TMPDIR", folder.c_str(), 1);
  const int status = RUN_ALL_TESTS();
  std::error_code ignored;  // what is left behind in /tmp fails no test
  std::filesystem::remove_all(folder, ignored);
  return status;
}
