// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "core/error.h"
#include "image/golden_lines.h"
#include "image/preprocess.h"
#include "image/resample.h"
#include "image/test_pattern.h"

namespace shoplens {
namespace {

const std::string kGoldens = SHOPLENS_SOURCE_DIR "/tests/golden/image/";

std::string message_of(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Resize, EqualsPillowToTheBitWithEveryInstructionSet) {
  const int cases = for_each_golden_line("resize.txt", [](std::istream& words) {
    int width, height, to_width, to_height;
    std::string filter, sha256;
    Box box;
    words >> width >> height >> to_width >> to_height >> filter >> box.left >> box.top >>
        box.right >> box.bottom >> sha256;
    ASSERT_TRUE(words);
    const Image image = test_pattern(width, height);
    for (const ResamplePasses* passes : supported_passes()) {
      const Image resized =
          resize_window(image, to_width, to_height, interpolation_from_string(filter), box,
                        {0, 0, to_width, to_height}, *passes);
      EXPECT_EQ(pixels_sha256(resized), sha256) << passes->name;
    }
  });
  EXPECT_GE(cases, 600);
}

TEST(Resize, EqualsPillowsBytes) {  // readable, unlike a hash, when the test above fails
  std::ifstream file(kGoldens + "resize_5x4_to_9x7_bicubic.txt");
  ASSERT_TRUE(file);
  const Image resized = resize(test_pattern(5, 4), 9, 7, Interpolation::kBicubic);
  for (std::size_t i = 0; i < resized.pixels.size(); ++i) {
    int expected = -1;
    file >> expected;
    EXPECT_EQ(resized.pixels[i], expected) << "byte " << i;
  }
}

TEST(Resize, ToTheSameSizeIsACopy) {
  const Image image = test_pattern(37, 21);
  EXPECT_EQ(resize(image, 37, 21, Interpolation::kBicubic), image);
  EXPECT_EQ(resize(image, 37, 21, Interpolation::kBilinear), image);
}

TEST(Resize, KeepsAConstantColour) {
  Image image(123, 45);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(100 + i % 3);
  for (const Interpolation interpolation : {Interpolation::kBilinear, Interpolation::kBicubic}) {
    const Image resized = resize(image, 50, 77, interpolation);
    for (std::size_t i = 0; i < resized.pixels.size(); ++i)
      ASSERT_EQ(resized.pixels[i], 100 + i % 3);
  }
}

TEST(ResizeWindow, IsACropOfTheWhole) {
  for (const auto& [from_width, from_height] :
       {std::pair{101, 67}, {64, 67}, {101, 48}, {64, 48}, {70, 90}}) {
    const Image image = test_pattern(from_width, from_height);
    const Image whole = resize(image, 64, 48, Interpolation::kBicubic);
    for (const Window& w :
         {Window{0, 0, 1, 1}, {5, 3, 40, 31}, {63, 47, 1, 1}, {0, 10, 64, 5}, {30, 0, 3, 48}}) {
      const Image window = resize_window(image, 64, 48, Interpolation::kBicubic, w);
      ASSERT_EQ(window.width, w.width);
      ASSERT_EQ(window.height, w.height);
      for (int y = 0; y < w.height; ++y)
        for (int x = 0; x < w.width * 3; ++x)
          ASSERT_EQ(window.row(y)[x], whole.row(w.y + y)[w.x * 3 + x])
              << from_width << " at " << x << ", " << y;
    }
  }
}

TEST(Resize, SaysWhatIsWrong) {
  const Image image = test_pattern(8, 6);
  const auto resize_to = [&](int width, int height) {
    return message_of(
        [&, width, height] { resize(image, width, height, Interpolation::kBilinear); });
  };
  const auto resize_box = [&](Box box) {
    return message_of([&, box] { resize(image, 4, 4, Interpolation::kBilinear, box); });
  };
  EXPECT_EQ(resize_to(0, 5), "resize: want a size of at least 1x1, got 0x5");
  EXPECT_EQ(resize_to(5, -1), "resize: want a size of at least 1x1, got 5x-1");
  EXPECT_EQ(message_of([] { resize(Image(), 4, 4, Interpolation::kBicubic); }),
            "resize: want a picture of at least 1x1 pixels, got 0x0");
  EXPECT_EQ(resize_box({0, 0, 9, 6}),
            "resize: want a box that is not empty and lies inside 8x6, got [0, 9) x [0, 6)");
  EXPECT_EQ(resize_box({2, 0, 2, 6}),
            "resize: want a box that is not empty and lies inside 8x6, got [2, 2) x [0, 6)");
  EXPECT_EQ(resize_box({-0.5, 0, 2, 6}),
            "resize: want a box that is not empty and lies inside 8x6, got [-0.5, 2) x [0, 6)");
}

}  // namespace
}  // namespace shoplens
