// SPDX-License-Identifier: Apache-2.0
#include "image/color_jitter.h"

#include <gtest/gtest.h>

#include <string>

#include "image/golden_lines.h"
#include "image/test_pattern.h"

namespace shoplens {
namespace {

TEST(ColorJitter, EqualsTorchvisionToTheBit) {
  const int cases = for_each_golden_line("jitter.txt", [](std::istream& words) {
    int width, height;
    double factor;
    std::string step, sha256;
    words >> width >> height >> step >> factor >> sha256;
    ASSERT_TRUE(words);
    Image image = test_pattern(width, height);
    if (step == "brightness") adjust_brightness(image, factor);
    if (step == "contrast") adjust_contrast(image, factor);
    if (step == "saturation") adjust_saturation(image, factor);
    EXPECT_EQ(pixels_sha256(image), sha256);
  });
  EXPECT_EQ(cases, 42);
}

}  // namespace
}  // namespace shoplens
