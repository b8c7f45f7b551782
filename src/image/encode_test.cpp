// SPDX-License-Identifier: Apache-2.0
#include "image/encode.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "image/codec_golden.h"
#include "image/decode.h"

namespace shoplens {
namespace {

Image picture() { return image_from(codec_golden("picture.rgb"), 0, 23, 17); }

TEST(Encode, JpegEqualsPillowToTheByte) {
  for (const int quality : {1, 30, 75, 95, 99, 100})
    EXPECT_EQ(encode_jpeg(picture(), quality), codec_golden(join("quality_", quality, ".jpg")))
        << quality;
}

TEST(Encode, PngKeepsEveryPixel) {
  EXPECT_EQ(decode_image(encode_png(picture()), "x.png"), picture());
}

TEST(Encode, OnePixelPictures) {
  const Image dot(1, 1);
  EXPECT_EQ(decode_image(encode_png(dot), "x.png"), dot);
  EXPECT_EQ(decode_image(encode_jpeg(dot, 90), "x.jpg"), dot);
}

std::string message(const Image& image, int quality) {
  try {
    encode_jpeg(image, quality);
  } catch (const Error& error) {
    return error.what();
  }
  return "encoded";
}

TEST(Encode, RefusesWhatHasNoPicture) {
  EXPECT_EQ(message(Image(), 90),
            "encode_jpeg: want pixels [height, width, 3], got 0 bytes for 0 x 0");
  EXPECT_EQ(message(picture(), 0), "encode_jpeg: want quality 1 to 100, got 0");
  EXPECT_EQ(message(picture(), 101), "encode_jpeg: want quality 1 to 100, got 101");
  EXPECT_EQ(message(Image(65501, 1), 90),
            "encode_jpeg: Maximum supported image dimension is 65500 pixels");
}

}  // namespace
}  // namespace shoplens
