// SPDX-License-Identifier: Apache-2.0
#include "image/decode.h"

#include <gtest/gtest.h>

#include <atomic>

#include "core/hash.h"
#include "core/threads.h"
#include "image/codec_golden.h"
#include "image/golden_lines.h"

namespace shoplens {
namespace {

void expect_equal(const Image& got, const Image& want, const std::string& name) {
  ASSERT_EQ(got.width, want.width) << name;
  ASSERT_EQ(got.height, want.height) << name;
  for (std::size_t i = 0; i < want.pixels.size(); ++i)
    ASSERT_EQ(int{got.pixels[i]}, int{want.pixels[i]})
        << name << ": row " << i / 3 / want.width << ", column " << i / 3 % want.width
        << ", channel " << i % 3;
}

TEST(Decode, EqualsPillowToTheBitForEveryKindOfFile) {
  const auto cases = codec_cases();
  ASSERT_GE(cases.size(), 70u);
  for (const CodecCase& c : cases)
    expect_equal(decode_image(codec_golden(c.file), c.file), c.expected, c.file);
}

TEST(Decode, EqualsPillowsDraftsToTheBit) {
  std::istringstream lines(codec_golden("drafts.txt"));
  int cases = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    SCOPED_TRACE(line);
    std::istringstream words(line);
    std::string file, sha256;
    int scale = 0, width = 0, height = 0;
    words >> file >> scale >> width >> height >> sha256;
    const Image image = decode_image(codec_golden(file), file, {}, [&](int, int) { return scale; });
    EXPECT_EQ(image.width, width);
    EXPECT_EQ(image.height, height);
    EXPECT_EQ(pixels_sha256(image), sha256);
    ++cases;
  }
  EXPECT_GE(cases, 80);
}

TEST(Decode, AsksForTheScaleByTheUprightSize) {
  std::vector<std::pair<int, int>> asked;
  const auto whole = [&](int width, int height) {
    asked.emplace_back(width, height);
    return 1;
  };
  for (const char* file : {"orientation_1.jpg", "orientation_6.jpg", "rgb_8.png", "lossy.webp"})
    decode_image(codec_golden(file), file, {}, whole);
  EXPECT_EQ(asked, (std::vector<std::pair<int, int>>{{23, 17}, {17, 23}}));
}

std::uint64_t memory_told_of(const std::string& bytes) {
  std::uint64_t told = 0;
  DecodeLimits limits;
  limits.before_memory = [&](std::uint64_t wanted) { told += wanted; };
  decode_image(bytes, "x", limits);
  return told;
}

// lossy.webp of 23 x 17 with an orientation of 6 beside it: chunks of the extended format.
std::string turned_lossy_webp() {
  using namespace std::string_literals;
  const std::string vp8x = "VP8X\x0a\0\0\0\x08\0\0\0\x16\0\0\x10\0\0"s;
  const std::string exif =
      "EXIF\x1a\0\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"s;
  std::string file = codec_golden("lossy.webp").insert(12, vp8x) + exif;
  const std::size_t size = file.size() - 8;
  for (std::size_t i = 0; i < 4; ++i) file[4 + i] = static_cast<char>(size >> (8 * i));
  return file;
}

TEST(Decode, TellsBeforehandWhatMemoryItTakes) {
  const std::pair<const char*, int> bytes_per_pixel[] = {
      {"420.jpg", 3},
      {"420_progressive.jpg", 3 + 3},  // coefficients of 16 bits: 1.5 samples a pixel
      {"422_progressive.jpg", 3 + 4},
      {"444_progressive.jpg", 3 + 6},
      {"grey_progressive.jpg", 3 + 2},
      {"cmyk.jpg", 3},
      {"cmyk_progressive.jpg", 3 + 8},
      {"orientation_1.jpg", 3},
      {"orientation_6.jpg", 3 + 3},
      {"rgb_8.png", 7},
      {"lossy.webp", 3},
      {"lossy_alpha.webp", 8},
      {"lossless.webp", 7},
      {"lossless_alpha.webp", 12},
      {"animated.webp", 15}};
  for (const auto& [file, per_pixel] : bytes_per_pixel) {
    const Image image = decode_image(codec_golden(file), file);
    EXPECT_EQ(memory_told_of(codec_golden(file)),
              static_cast<std::uint64_t>(image.width) * image.height * per_pixel)
        << file;
  }
  const auto at_a_quarter = [](const char* file) {
    std::uint64_t told = 0;
    DecodeLimits limits;
    limits.before_memory = [&](std::uint64_t wanted) { told += wanted; };
    decode_image(codec_golden(file), file, limits, [](int, int) { return 4; });
    return told;
  };
  EXPECT_EQ(at_a_quarter("420.jpg"), 6u * 5 * 3);
  EXPECT_EQ(at_a_quarter("orientation_6.jpg"), 6u * 5 * (3 + 3));
  EXPECT_EQ(at_a_quarter("420_progressive.jpg"), 6u * 5 * 3 + 23 * 17 * 3);  // all coefficients
  EXPECT_EQ(decode_image(turned_lossy_webp(), "x").width, 17);               // it is turned
  EXPECT_EQ(memory_told_of(turned_lossy_webp()), 23u * 17 * (3 + 3));
}

TEST(Decode, GoesByContentNotByName) {
  const Image image = decode_image(codec_golden("rgb_8.png"), "photo.jpg");
  EXPECT_EQ(image, decode_image(codec_golden("rgb_8.png"), "rgb_8.png"));
}

TEST(Decode, LoadsAFile) {
  const std::string path = SHOPLENS_SOURCE_DIR "/tests/golden/image/codec/420.jpg";
  EXPECT_EQ(load_image(path), decode_image(read_file(path), path));
}

TEST(Decode, IsTheSameOnManyThreadsAtOnce) {
  const auto cases = codec_cases();
  std::atomic<int> wrong = 0;
  parallel_for(static_cast<std::int64_t>(cases.size()) * 20, 8, [&](std::int64_t i) {
    const CodecCase& c = cases[static_cast<std::size_t>(i) % cases.size()];
    if (decode_image(codec_golden(c.file), c.file) != c.expected) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

TEST(Decode, EqualsPillowOnRealPhotos) {
  const std::filesystem::path folder = SHOPLENS_SHARED_DIR "/data/grocery";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no photos in " << folder;
  std::istringstream lines(codec_golden("photos.txt"));
  int photos = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string path, whole, half;
    words >> path >> whole >> half;
    EXPECT_EQ(pixels_sha256(load_image(folder / path)), whole) << path;
    EXPECT_EQ(
        pixels_sha256(decode_image(read_file(folder / path), path, {}, [](int, int) { return 2; })),
        half)
        << path;
    ++photos;
  }
  EXPECT_EQ(photos, 20);
}

}  // namespace
}  // namespace shoplens
