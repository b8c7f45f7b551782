// SPDX-License-Identifier: Apache-2.0
#include "image/color_jitter.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "core/hash.h"
#include "image/test_pattern.h"

namespace shoplens {
namespace {

TEST(ColorJitter, EqualsTorchvisionToTheBit) {
  std::ifstream file(SHOPLENS_SOURCE_DIR "/tests/golden/image/jitter.txt");
  ASSERT_TRUE(file);
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    int width, height;
    double factor;
    std::string step, sha256;
    words >> width >> height >> step >> factor >> sha256;
    ASSERT_TRUE(words) << line;
    Image image = test_pattern(width, height);
    if (step == "brightness") adjust_brightness(image, factor);
    if (step == "contrast") adjust_contrast(image, factor);
    if (step == "saturation") adjust_saturation(image, factor);
    EXPECT_EQ(sha256_hex({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()}),
              sha256)
        << line;
    ++cases;
  }
  EXPECT_EQ(cases, 42);
}

}  // namespace
}  // namespace shoplens
