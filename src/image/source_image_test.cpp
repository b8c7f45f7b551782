// SPDX-License-Identifier: Apache-2.0
#include "image/source_image.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "image/encode.h"
#include "image/test_pattern.h"

namespace shoplens {
namespace {

Preprocessing draft(int size) { return {.size = size, .decode = Decode::kDraft}; }

// A JPEG of 640 x 400, and how often and at what cost it is decoded.
class SourceImageTest : public testing::Test {
 protected:
  std::string jpeg = encode_jpeg(test_pattern(640, 400), 90);
  std::vector<std::uint64_t> memory;
  DecodeLimits limits{.before_memory = [this](std::uint64_t bytes) { memory.push_back(bytes); }};
  SourceImage photo{jpeg, "photo.jpg", limits};
};

TEST_F(SourceImageTest, EachNetworkHasItDecodedAsItDeclares) {
  for (const auto& [preprocessing, width, height] :
       {std::tuple(Preprocessing{.size = 32}, 640, 400),
        {draft(25), 80, 50},
        {draft(26), 160, 100},
        {draft(200), 640, 400},
        {Preprocessing{.size = 8}, 640, 400}}) {
    const Image alone = decode_image(
        jpeg, "alone", {}, [&](int w, int h) { return decode_scale(w, h, preprocessing); });
    EXPECT_EQ(alone.width, width);
    EXPECT_EQ(alone.height, height);
    EXPECT_EQ(photo.decoded(preprocessing), alone);
  }
}

TEST_F(SourceImageTest, IsDecodedOncePerScaleInARow) {
  photo.decoded(draft(25));
  photo.decoded(draft(20));
  photo.decoded({.size = 20, .fit = Fit::kCrop, .crop_pct = 0.9, .decode = Decode::kDraft});
  photo.decoded({.size = 20});
  photo.decoded(draft(201));
  photo.decoded(draft(25));
  EXPECT_EQ(memory, (std::vector<std::uint64_t>{3 * 80 * 50, 3 * 640 * 400, 3 * 80 * 50}));
  EXPECT_GT(photo.decode_seconds(), 0);
}

TEST_F(SourceImageTest, OtherKindsAreDecodedWholeAndOnce) {
  const Image pixels = test_pattern(640, 400);
  const std::string png = encode_png(pixels);
  SourceImage source(png, "photo.png", limits);
  EXPECT_EQ(source.decoded(draft(8)), pixels);
  EXPECT_EQ(source.decoded({.size = 100}), pixels);
  EXPECT_EQ(memory.size(), 1u);

  SourceImage made(pixels);
  EXPECT_EQ(made.decoded(draft(8)), pixels);
  EXPECT_EQ(made.decode_seconds(), 0);
}

TEST_F(SourceImageTest, AFileIsReadOnceAndMovesWithItsBytes) {
  const std::string path = testing::TempDir() + "source_image_test.jpg";
  write_file(path, jpeg);
  std::vector<SourceImage> sources;
  sources.push_back(SourceImage::load(path));
  std::filesystem::remove(path);
  SourceImage moved = std::move(sources[0]);
  EXPECT_EQ(moved.decoded(draft(25)).width, 80);
  EXPECT_EQ(moved.decoded({}), decode_image(jpeg, "jpeg"));
  EXPECT_THROW(SourceImage::load(path), Error);
}

TEST_F(SourceImageTest, AnUnreadableOneSaysSoEachTime) {
  SourceImage torn(std::string_view(jpeg).substr(0, jpeg.size() / 2), "torn.jpg");
  for (const Preprocessing& p : {draft(25), draft(200)}) try {
      torn.decoded(p);
      ADD_FAILURE() << "want an error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kCorrupt);
      EXPECT_NE(std::string(e.what()).find("torn.jpg"), std::string::npos);
    }
}

}  // namespace
}  // namespace shoplens
