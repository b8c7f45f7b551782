// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <gtest/gtest.h>

#include "image/codec_golden.h"
#include "image/decode.h"

namespace shoplens {
namespace {

using namespace std::string_literals;

std::string little_endian_exif(int orientation) {
  return "II*\0\x08\0\0\0"s
         "\x02\0"s                           // directory of 2 entries at 8
         "\x0f\x01\x02\0\x01\0\0\0X\0\0\0"s  // Make
         "\x12\x01\x03\0\x01\0\0\0"s +
         static_cast<char>(orientation) + "\0\0\0"s + "\0\0\0\0"s;
}

TEST(Exif, ReadsBothByteOrders) {
  EXPECT_EQ(exif_orientation(little_endian_exif(6)), 6);
  EXPECT_EQ(exif_orientation("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s), 8);
  EXPECT_EQ(exif_orientation("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x03"s),
            3);  // as LONG
}

TEST(Exif, OutOfRangeIsUpright) {
  EXPECT_EQ(exif_orientation(little_endian_exif(0)), 1);
  EXPECT_EQ(exif_orientation(little_endian_exif(9)), 1);
}

TEST(Exif, DamagedIsUpright) {
  const std::string whole = little_endian_exif(6);
  const std::size_t needed = 8 + 2 + 12 + 10;  // up to the value
  for (std::size_t size = 0; size < needed; ++size)
    EXPECT_EQ(exif_orientation(whole.substr(0, size)), 1) << size;
  EXPECT_EQ(exif_orientation("II*\0\xff\xff\xff\xff"s), 1);    // a directory outside the data
  EXPECT_EQ(exif_orientation("II*\0\x08\0\0\0\xff\xff"s), 1);  // more entries than data
  EXPECT_EQ(exif_orientation("XX*\0\x08\0\0\0\0\0"s), 1);
}

TEST(Exif, OrientPutsEveryCornerInItsPlace) {
  // A 3 x 2 picture of the reds 0..5; the standing pictures by EXIF's definition of row 0 and
  // column 0.
  const std::vector<std::vector<int>> upright = {{},
                                                 {0, 1, 2, 3, 4, 5},
                                                 {2, 1, 0, 5, 4, 3},
                                                 {5, 4, 3, 2, 1, 0},
                                                 {3, 4, 5, 0, 1, 2},
                                                 {0, 3, 1, 4, 2, 5},
                                                 {3, 0, 4, 1, 5, 2},
                                                 {5, 2, 4, 1, 3, 0},
                                                 {2, 5, 1, 4, 0, 3}};
  Image stored(3, 2);
  for (int i = 0; i < 6; ++i)
    stored.pixels[static_cast<std::size_t>(i) * 3] = static_cast<std::uint8_t>(i);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image image = orient(stored, orientation);
    EXPECT_EQ(image.width, orientation < 5 ? 3 : 2);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_EQ(image.pixels[i * 3], upright[static_cast<std::size_t>(orientation)][i])
          << orientation;
  }
}

TEST(Exif, DamageNeverLosesThePhoto) {
  const std::string whole = codec_golden("orientation_6.jpg");
  const Image stored = decode_image(codec_golden("orientation_1.jpg"), "stored");
  const Image upright = decode_image(whole, "upright");
  const std::size_t start = whole.find("Exif") + 6;
  const std::size_t end = whole.find("\xff\xdb");
  ASSERT_LT(start, end);
  for (std::size_t at = start; at < end; ++at) {
    std::string bytes = whole;
    bytes[at] = '\xff';
    const Image image = decode_image(bytes, "damaged");
    EXPECT_TRUE(image == stored || image == upright) << at;
  }
}

TEST(Exif, APngExifWithAWrongChecksumIsIgnored) {
  std::string bytes = codec_golden("orientation_6.png");
  const std::size_t exif = bytes.find("eXIf");
  bytes[exif + 4 + 8 + 2 + 8] ^= 4;  // the orientation's value
  EXPECT_EQ(decode_image(bytes, "x.png"), decode_image(codec_golden("orientation_1.png"), "x.png"));
}

}  // namespace
}  // namespace shoplens
