// SPDX-License-Identifier: Apache-2.0
#include "image/tone.h"

#include <gtest/gtest.h>

#include <string>

#include "image/golden_lines.h"
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
  const int cases = for_each_golden_line("tone.txt", [](std::istream& words) {
    int width, height;
    double strength;
    std::string step, sha256;
    words >> width >> height >> step >> strength >> sha256;
    ASSERT_TRUE(words);
    Image image = dull_pattern(width, height);
    if (step == "posterize") posterize(image, static_cast<int>(strength));
    if (step == "solarize") solarize(image, strength);
    if (step == "autocontrast") autocontrast(image);
    if (step == "equalize") equalize(image);
    if (step == "sharpness") adjust_sharpness(image, strength);
    EXPECT_EQ(pixels_sha256(image), sha256);
  });
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
