// SPDX-License-Identifier: Apache-2.0
// Files that are not a sound picture: which Error they give, and that they cost nothing.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "image/codec_golden.h"
#include "image/decode.h"

namespace shoplens {
namespace {

using namespace std::string_literals;

Error error_of(const std::string& bytes, const DecodeLimits& limits = {}) {
  try {
    decode_image(bytes, "x.jpg", limits);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "decoded");
}

void expect_error(const std::string& bytes, ErrorCode code, const std::string& what,
                  const DecodeLimits& limits = {}) {
  const Error error = error_of(bytes, limits);
  EXPECT_EQ(error.what(), what);
  EXPECT_STREQ(error_code_name(error.code), error_code_name(code)) << what;
}

std::string big_endian(std::uint32_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// A golden with the size in its header changed.
std::string jpeg_of_size(int width, int height) {
  std::string bytes = codec_golden("420.jpg");
  const std::size_t frame = bytes.find("\xff\xc0");
  return bytes.replace(frame + 5, 4,
                       big_endian(static_cast<std::uint32_t>(height), 2) +
                           big_endian(static_cast<std::uint32_t>(width), 2));
}
std::string png_of_size(int width, int height) {
  std::string bytes = codec_golden("rgb_8.png");
  return bytes.replace(16, 8,
                       big_endian(static_cast<std::uint32_t>(width), 4) +
                           big_endian(static_cast<std::uint32_t>(height), 4));
}

TEST(DecodeErrors, EmptyFile) {
  expect_error("", ErrorCode::kBadInput,
               "decode_image: want JPEG, PNG or WebP, got an empty file (x.jpg)");
}

TEST(DecodeErrors, UnknownKind) {
  expect_error("\x01\x02\x03\x04"s, ErrorCode::kBadInput,
               "decode_image: want JPEG, PNG or WebP, got a file of an unknown kind (x.jpg)");
}

TEST(DecodeErrors, OtherFormatsAreNamed) {
  const std::pair<std::string, std::string> kinds[] = {
      {"GIF89a\x01\x00"s, "GIF"},
      {"BM\x36\x10\x00\x00\x00\x00\x00\x00\x36\x00"s, "BMP"},
      {"II*\0\x08\0\0\0"s, "TIFF"},
      {"MM\0*\0\0\0\x08"s, "TIFF"},
      {"\0\0\0\x18"
       "ftypheic"s,
       "HEIC"},
      {"\0\0\0\x1c"
       "ftypavif"s,
       "AVIF"},
      {"\0\0\0\x20"
       "ftypisom"s,
       "a video (MP4)"},
      {"%PDF-1.7\n\xe2\xe3"s, "PDF"},
      {"\n<!DOCTYPE html><html><body>404</body></html>"s, "a web page (HTML)"},
      {"<?xml version=\"1.0\"?><svg width=\"3\"/>"s, "SVG"},
      {"path,label\n1.jpg,apple\n"s, "text"},
  };
  for (const auto& [bytes, kind] : kinds) {
    expect_error(bytes, ErrorCode::kUnsupported,
                 "decode_image: want JPEG, PNG or WebP, got " + kind + " (x.jpg)");
  }
}

TEST(DecodeErrors, HintsSayWhatToDo) {
  EXPECT_EQ(error_of("GIF89a").hint, "convert it to an ordinary JPEG or PNG first");
  EXPECT_EQ(error_of("<html>404</html>").hint, "check where it came from: it is no picture");
  EXPECT_EQ(error_of(codec_golden("420.jpg").substr(0, 400)).hint,
            "copy or download the file again");
}

TEST(DecodeErrors, TwelveBitJpegIsUnsupported) {
  std::string bytes = codec_golden("420.jpg");
  bytes[bytes.find("\xff\xc0") + 4] = 12;
  expect_error(bytes, ErrorCode::kUnsupported,
               "decode_image: want JPEG, PNG or WebP, got an unusual JPEG: "
               "Unsupported JPEG data precision 12 (x.jpg)");
}

TEST(DecodeErrors, LimitOnBytes) {
  const std::string bytes = codec_golden("420.jpg");
  expect_error(bytes, ErrorCode::kBadInput,
               join("decode_image: want at most 100 bytes, got ", bytes.size(), " (x.jpg)"),
               {.max_bytes = 100});
}

TEST(DecodeErrors, LimitOnPixelsOfEachFormat) {
  for (const std::string file : {"420.jpg", "rgb_8.png", "lossy.webp", "animated.webp"})
    expect_error(codec_golden(file), ErrorCode::kBadInput,
                 "decode_image: want at most 390 pixels, got 23 x 17 (x.jpg)", {.max_pixels = 390});
  EXPECT_EQ(decode_image(codec_golden("420.jpg"), "x", {.max_pixels = 391, .max_side = 23}).width,
            23);
}

TEST(DecodeErrors, HugeHeadersAreRefusedBeforeAllocation) {
  const std::string sides = "decode_image: want sides of at most 32768 pixels, got ";
  expect_error(png_of_size(60000, 60000), ErrorCode::kBadInput, sides + "60000 x 60000 (x.jpg)");
  expect_error(png_of_size(60000, 60000).substr(0, 33), ErrorCode::kBadInput,
               sides + "60000 x 60000 (x.jpg)");
  expect_error(jpeg_of_size(65500, 65500), ErrorCode::kBadInput, sides + "65500 x 65500 (x.jpg)");
  expect_error(png_of_size(30000, 30000), ErrorCode::kBadInput,
               "decode_image: want at most 100000000 pixels, got 30000 x 30000 (x.jpg)");
}

TEST(DecodeErrors, EveryTruncationIsCorruptAndNamesTheFile) {
  for (const std::string file :
       {"420.jpg", "420_progressive.jpg", "orientation_6.jpg", "cmyk.jpg", "rgb_8.png",
        "rgba_8_interlaced.png", "orientation_6.png", "lossy.webp", "lossy_alpha.webp",
        "lossless.webp", "animated.webp", "orientation_6.webp"}) {
    const std::string whole = codec_golden(file);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Error error = error_of(whole.substr(0, size));
      if (size >= 12) {  // enough to see what it is
        ASSERT_EQ(error.code, ErrorCode::kCorrupt)
            << file << " cut to " << size << ": " << error.what();
      }
      ASSERT_NE(std::string(error.what()).find("(x.jpg)"), std::string::npos)
          << file << " cut to " << size;
    }
  }
}

TEST(DecodeErrors, TruncationSaysSo) {
  for (const auto& [file, format] :
       {std::pair{"420.jpg", "JPEG"}, {"rgb_8.png", "PNG"}, {"lossy.webp", "WebP"}}) {
    const std::string whole = codec_golden(file);
    expect_error(whole.substr(0, whole.size() - 9), ErrorCode::kCorrupt,
                 join("decode_image: want a sound ", format,
                      ", got a damaged one: the file ends too early (x.jpg)"));
  }
}

TEST(DecodeErrors, AJpegWhoseScanEndsEarlyIsCorruptAlsoWithAnEndMarker) {
  const std::string whole = codec_golden("420.jpg");
  expect_error(whole.substr(0, whole.size() - 40) + "\xff\xd9", ErrorCode::kCorrupt,
               "decode_image: want a sound JPEG, got a damaged one: "
               "Corrupt JPEG data: premature end of data segment (x.jpg)");
}

TEST(DecodeErrors, DamagedDataOfAPng) {
  std::string bytes = codec_golden("rgb_8.png");
  bytes[bytes.find("IDAT") + 40] ^= 1;
  EXPECT_EQ(error_of(bytes).code, ErrorCode::kCorrupt);
}

TEST(DecodeErrors, AJpegOfTooManyScansIsRefused) {
  const std::string whole = codec_golden("grey_progressive.jpg");
  // The first scan over and over.
  const std::size_t first = whole.find("\xff\xda"), next = whole.find("\xff\xc4", first);
  ASSERT_NE(next, std::string::npos);
  std::string bytes = whole.substr(0, first);
  for (int i = 0; i < 200; ++i) bytes += whole.substr(first, next - first);
  expect_error(bytes + whole.substr(next), ErrorCode::kCorrupt,
               "decode_image: want a sound JPEG, got a damaged one: it has too many scans (x.jpg)");
}

TEST(DecodeErrors, DamagedFilesNeverCrashOrPrint) {
  testing::internal::CaptureStderr();
  Random random{11};
  for (const CodecCase& c : codec_cases()) {
    const std::string whole = codec_golden(c.file);
    for (int i = 0; i < 40; ++i) {
      std::string bytes = whole;
      for (int hits = random.integer(1, 4); hits > 0; --hits)
        bytes[static_cast<std::size_t>(random.integer(0, static_cast<int>(bytes.size()) - 1))] =
            static_cast<char>(random.integer(0, 255));
      error_of(bytes, {.max_pixels = 1'000'000});
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(DecodeErrors, AMissingFileIsNamed) {
  try {
    load_image("/nowhere/photo.jpg");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("/nowhere/photo.jpg"), std::string::npos);
  }
}

}  // namespace
}  // namespace shoplens
