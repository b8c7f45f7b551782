// SPDX-License-Identifier: Apache-2.0
#include "image/tone.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "core/hash.h"
#include "image/test_pattern.h"

namespace shoplens {
namespace {

// Between two greys, so that stretching and equalising have something to do.
Image dull_pattern(int width, int height) {
  Image image = test_pattern(width, height);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(40 + value / 2);
  return image;
}

TEST(Tone, EqualsPillowToTheBit) {
  std::ifstream file(SHOPLENS_SOURCE_DIR "/tests/golden/image/tone.txt");
  ASSERT_TRUE(file);
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    int width, height;
    double strength;
    std::string step, sha256;
    words >> width >> height >> step >> strength >> sha256;
    ASSERT_TRUE(words) << line;
    Image image = dull_pattern(width, height);
    if (step == "posterize") posterize(image, static_cast<int>(strength));
    if (step == "solarize") solarize(image, strength);
    if (step == "autocontrast") autocontrast(image);
    if (step == "equalize") equalize(image);
    if (step == "sharpness") adjust_sharpness(image, strength);
    EXPECT_EQ(sha256_hex({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()}),
              sha256)
        << line;
    ++cases;
  }
  EXPECT_EQ(cases, 45);
}

TEST(Tone, OfOneGreyStaysAsItIs) {
  Image grey(9, 7);
  for (auto& value : grey.pixels) value = 77;
  const Image before = grey;
  autocontrast(grey);
  EXPECT_EQ(grey, before);
  equalize(grey);
  EXPECT_EQ(grey, before);
}

}  // namespace
}  // namespace shoplens
