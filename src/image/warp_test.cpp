// SPDX-License-Identifier: Apache-2.0
#include "image/warp.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "image/test_pattern.h"

namespace shoplens {
namespace {

double pixel_or_black(const Image& image, int x, int y, int c) {
  return x < 0 || y < 0 || x >= image.width || y >= image.height ? 0 : image.row(y)[3 * x + c];
}

double oracle(const Image& image, const Affine& m, int x, int y, int c) {
  const double sx = m.xx * x + m.xy * y + m.x0, sy = m.yx * x + m.yy * y + m.y0;
  const int left = static_cast<int>(std::floor(sx)), top = static_cast<int>(std::floor(sy));
  const double fx = sx - left, fy = sy - top;
  return (1 - fy) * ((1 - fx) * pixel_or_black(image, left, top, c) +
                     fx * pixel_or_black(image, left + 1, top, c)) +
         fy * ((1 - fx) * pixel_or_black(image, left, top + 1, c) +
               fx * pixel_or_black(image, left + 1, top + 1, c));
}

void expect_near_oracle(const Image& image, const Affine& to_source) {
  const Image out = warp(image, to_source);
  ASSERT_EQ(out.width, image.width);
  ASSERT_EQ(out.height, image.height);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x)
      for (int c = 0; c < 3; ++c)
        ASSERT_NEAR(out.row(y)[3 * x + c], oracle(image, to_source, x, y, c), 1) << x << ", " << y;
}

TEST(Warp, EqualsTheDefinitionWithinOneLevel) {
  Random random{7};
  for (int trial = 0; trial < 60; ++trial) {
    const int width = random.integer(1, 70), height = random.integer(1, 70);
    expect_near_oracle(test_pattern(width, height),
                       shift_scale_rotate(width, height, random.uniform(-.4, .4) * width,
                                          random.uniform(-.4, .4) * height, random.uniform(.3, 3),
                                          random.uniform(-180, 180)));
  }
}

TEST(Warp, EqualsTheDefinitionOnAWidePicture) {
  expect_near_oracle(test_pattern(1600, 9), shift_scale_rotate(1600, 9, 3.3, -1.2, 0.9, 1.5));
}

TEST(Warp, IdentityAndWholeShiftsAreExact) {
  const Image image = test_pattern(33, 21);
  EXPECT_EQ(warp(image, {}), image);
  EXPECT_EQ(warp(image, shift_scale_rotate(33, 21, 0, 0, 1, 0)), image);
  const Image shifted = warp(image, shift_scale_rotate(33, 21, 5, -2, 1, 0));
  for (int y = 0; y < 21; ++y)
    for (int x = 0; x < 99; ++x)
      EXPECT_EQ(shifted.row(y)[x], x < 15 || y >= 19 ? 0 : image.row(y + 2)[x - 15]);
}

TEST(Warp, OutsideIsBlack) {
  const Image out = warp(test_pattern(20, 20), shift_scale_rotate(20, 20, 500, 0, 1, 0));
  EXPECT_EQ(out, Image(20, 20));
}

TEST(ShiftScaleRotate, MovesTheCentreTurnsCounterClockwiseAndScales) {
  // A white dot 4 right of the centre of 21 x 21, turned 90 degrees counter-clockwise at double
  // scale, is 8 above.
  Image image(21, 21);
  for (int c = 0; c < 3; ++c) image.row(10)[3 * 14 + c] = 255;
  const Image turned = warp(image, shift_scale_rotate(21, 21, 0, 0, 2, 90));
  EXPECT_EQ(turned.row(2)[3 * 10], 255);
  const Image moved = warp(image, shift_scale_rotate(21, 21, -3, 5, 2, 90));
  EXPECT_EQ(moved.row(7)[3 * 7], 255);
}

}  // namespace
}  // namespace shoplens
