// SPDX-License-Identifier: Apache-2.0
// For tests against tests/golden/image/*.txt, which tools/make_resize_goldens.py writes.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "core/hash.h"
#include "image/image.h"

namespace shoplens {

inline std::string pixels_sha256(const Image& image) {
  return sha256_hex({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()});
}

/// Calls check_case(words) for each line of the file that is not a comment, the line being in the
/// trace; the body must read the words. Returns how many there were.
inline int for_each_golden_line(const std::string& name, const auto& check_case) {
  std::ifstream file(SHOPLENS_SOURCE_DIR "/tests/golden/image/" + name);
  EXPECT_TRUE(file) << name;
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    SCOPED_TRACE(line);
    std::istringstream words(line);
    check_case(words);
    ++cases;
  }
  return cases;
}

}  // namespace shoplens
