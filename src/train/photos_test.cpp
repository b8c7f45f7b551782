// SPDX-License-Identifier: Apache-2.0
#include "train/photos.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/files.h"
#include "image/decode.h"
#include "image/encode.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class PhotosTest : public testing::Test {
 protected:
  void SetUp() override {
    Image image(61, 47);
    Random random{7};
    for (auto& value : image.pixels) value = static_cast<std::uint8_t>(random.integer(0, 255));
    path_ = fs::path(testing::TempDir()) / "photos_test.jpg";
    write_file(path_, encode_jpeg(image, 90));
    preprocessing_.size = 32;
  }
  Photos photos(double crop_scale_min = 1, std::int64_t cache_bytes = 1 << 20) const {
    AugmentOptions augment;
    augment.crop_scale_min = crop_scale_min;
    return Photos({path_}, preprocessing_, augment, cache_bytes);
  }
  std::vector<float> eval(const Photos& from, bool flipped = false) const {
    std::vector<float> out(from.floats_per_sample());
    from.load_eval(0, flipped, out.data());
    return out;
  }
  std::vector<float> train(const Photos& from, std::uint64_t epoch) const {
    std::vector<float> out(from.floats_per_sample());
    from.load_train(0, Random{1, epoch, 0}, out.data());
    return out;
  }
  fs::path path_;
  Preprocessing preprocessing_;
};

// What training validates with is what embed, index and predict compute from the same file (they
// call preprocess).
TEST_F(PhotosTest, EvalEqualsPreprocessToTheBit) {
  for (const Fit fit : {Fit::kSquash, Fit::kCrop, Fit::kLetterbox})
    for (const double crop_scale_min : {1.0, 0.3}) {
      preprocessing_.fit = fit;
      std::vector<float> expected(3 * 32 * 32);
      preprocess(load_image(path_), preprocessing_, expected.data());
      const Photos set = photos(crop_scale_min);
      EXPECT_EQ(eval(set), expected) << to_string(fit);
      EXPECT_EQ(eval(set), expected) << to_string(fit) << " from the cache";
    }
}

TEST_F(PhotosTest, ADraftIsWhatTrainingAndEvalSee) {
  preprocessing_.size = 7;  // of 61 x 47 a quarter is 16 x 12, a half 31 x 24
  preprocessing_.decode = Decode::kDraft;
  std::vector<float> expected(3 * 7 * 7);
  preprocess(decode_image(read_file(path_), "half", {}, [](int, int) { return 2; }), preprocessing_,
             expected.data());
  for (const double crop_scale_min : {1.0, 0.3}) {
    const Photos set = photos(crop_scale_min);
    EXPECT_EQ(eval(set), expected);
    EXPECT_EQ(eval(set), expected) << "from the cache";
  }
  AugmentOptions nothing;
  nothing.hflip = nothing.jpeg = nothing.shift_scale_rotate = nothing.cutout = 0;
  std::vector<float> trained(3 * 7 * 7);
  Photos({path_}, preprocessing_, nothing, 0).load_train(0, Random{1}, trained.data());
  EXPECT_EQ(trained, expected);

  AugmentOptions crops = nothing;
  crops.crop_scale_min = 0.3;
  const Image half = decode_image(read_file(path_), "half", {}, [](int, int) { return 2; });
  normalize(augment(half, crops, preprocessing_, Random{1}), preprocessing_, expected.data());
  Photos({path_}, preprocessing_, crops, 0).load_train(0, Random{1}, trained.data());
  EXPECT_EQ(trained, expected);
}

TEST_F(PhotosTest, FlippedIsTheMirroredPicture) {
  const std::vector<float> plain = eval(photos()), flipped = eval(photos(), true);
  for (int row = 0; row < 3 * 32; ++row)
    for (int x = 0; x < 32; ++x) ASSERT_EQ(flipped[row * 32 + x], plain[row * 32 + 31 - x]);
}

TEST_F(PhotosTest, TheCacheDoesNotChangeWhatTrainingSees) {
  for (const double crop_scale_min : {1.0, 0.3}) {
    const Photos cached = photos(crop_scale_min), uncached = photos(crop_scale_min, 0);
    for (const std::uint64_t epoch : {0, 1, 0})
      EXPECT_EQ(train(cached, epoch), train(uncached, epoch));
    EXPECT_NE(train(cached, 0), train(cached, 1));
  }
}

}  // namespace
}  // namespace shoplens
