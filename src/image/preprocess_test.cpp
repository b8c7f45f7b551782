// SPDX-License-Identifier: Apache-2.0
#include "image/preprocess.h"

#include <gtest/gtest.h>

#include <climits>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "image/codec_golden.h"
#include "image/decode.h"
#include "image/golden_lines.h"
#include "image/test_pattern.h"

namespace shoplens {
namespace {

std::string message_of(const Preprocessing& preprocessing, int width = 8, int height = 6) {
  try {
    fit_image(test_pattern(width, height), preprocessing);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Preprocess, EqualsTimmToTheBit) {
  const int cases = for_each_golden_line("preprocess.txt", [](std::istream& words) {
    int width, height;
    std::string fit, interpolation, statistics, of_pixels, of_floats;
    Preprocessing p;
    words >> width >> height >> p.size >> fit >> p.crop_pct >> interpolation >> statistics >>
        of_pixels >> of_floats;
    ASSERT_TRUE(words);
    p.fit = fit_from_string(fit);
    p.interpolation = interpolation_from_string(interpolation);
    p.mean = statistics == "imagenet" ? kImageNetMean : kInceptionMean;
    p.std = statistics == "imagenet" ? kImageNetStd : kInceptionStd;

    const Image image = test_pattern(width, height);
    const Image fitted = fit_image(image, p);
    EXPECT_EQ(pixels_sha256(fitted), of_pixels);
    std::vector<float> tensor(fitted.pixels.size());
    preprocess(image, p, tensor.data());
    EXPECT_EQ(
        sha256_hex({reinterpret_cast<const char*>(tensor.data()), tensor.size() * sizeof(float)}),
        of_floats);
  });
  EXPECT_GE(cases, 100);
}

TEST(Preprocess, OfADraftEqualsPillowAndTimmToTheBit) {
  std::set<int> scales;
  const int cases = for_each_golden_line("draft.txt", [&](std::istream& words) {
    std::string file, fit, of_pixels;
    int scale;
    Preprocessing p;
    p.decode = Decode::kDraft;
    words >> file >> p.size >> fit >> p.crop_pct >> scale >> of_pixels;
    ASSERT_TRUE(words);
    p.fit = fit_from_string(fit);
    int chosen = 0;
    const Image image = decode_image(codec_golden(file), file, {}, [&](int width, int height) {
      return chosen = decode_scale(width, height, p);
    });
    EXPECT_EQ(chosen, scale);
    EXPECT_EQ(pixels_sha256(fit_image(image, p)), of_pixels);
    scales.insert(chosen);
  });
  EXPECT_GE(cases, 100);
  EXPECT_EQ(scales, (std::set<int>{1, 2, 4, 8}));
}

TEST(DecodeScale, IsTheSmallestOfTwiceTheSize) {
  const Preprocessing draft{.size = 224, .decode = Decode::kDraft};
  EXPECT_EQ(decode_scale(4032, 3024, {.size = 224}), 1);
  EXPECT_EQ(decode_scale(4032, 3024, draft), 4);
  EXPECT_EQ(decode_scale(3584, 8000, draft), 8);
  EXPECT_EQ(decode_scale(3583, 8000, draft), 4);
  EXPECT_EQ(decode_scale(895, 8000, draft), 1);
  EXPECT_EQ(decode_scale(1, 100'000, draft), 1);
  Preprocessing wrong = draft;
  wrong.size = 0;
  EXPECT_THROW(decode_scale(640, 480, wrong), Error);
  wrong.size = INT_MAX;  // twice that is no int
  EXPECT_EQ(decode_scale(640, 480, wrong), 1);
}

TEST(Preprocess, IsFitImageThenNormalize) {
  const Image image = test_pattern(91, 140);
  for (const Fit fit : {Fit::kSquash, Fit::kCrop, Fit::kLetterbox}) {
    Preprocessing p;
    p.size = 65;
    p.fit = fit;
    std::vector<float> once(3 * 65 * 65), twice(3 * 65 * 65);
    preprocess(image, p, once.data());
    normalize(fit_image(image, p), p, twice.data());
    EXPECT_EQ(once, twice);
  }
}

TEST(Normalize, IsThePlanarDefinitionToTheBit) {
  Preprocessing imagenet, inception, odd;
  inception.mean = kInceptionMean, inception.std = kInceptionStd;
  odd.mean = {0.1f, 1.0f / 3, 0.7f}, odd.std = {1e-3f, 3.0f, 0.299999f};
  for (const Preprocessing& p : {imagenet, inception, odd})
    for (const auto& [width, height] :
         {std::pair(7, 5), {1, 1}, {16, 16}, {33, 9}}) {  // 8 at a time, and what is left
      const Image image = test_pattern(width, height);
      std::vector<float> out(static_cast<std::size_t>(3 * width * height));
      normalize(image, p, out.data());
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < height; ++y)
          for (int x = 0; x < width; ++x)
            EXPECT_EQ(
                out[static_cast<std::size_t>((c * height + y) * width + x)],
                (static_cast<float>(image.row(y)[3 * x + c]) / 255.0f - p.mean[c]) / p.std[c]);
    }
}

TEST(FitImage, ThinPicturesKeepAPixelAndLittleMemory) {
  Preprocessing p;
  p.fit = Fit::kLetterbox;
  EXPECT_EQ(fit_image(test_pattern(1, 5000), p).width, 224);
  p.fit = Fit::kCrop;  // resized as a whole it would be 256 x 8'388'608
  EXPECT_EQ(fit_image(test_pattern(1, 32768), p).height, 224);
  EXPECT_EQ(fit_image(test_pattern(32768, 1), p).width, 224);
}

TEST(FitImage, SaysWhatIsWrong) {
  Preprocessing p;
  p.size = 0;
  EXPECT_EQ(message_of(p), "preprocess: want a size of at least 1, got 0");
  p.size = 4;
  EXPECT_EQ(message_of(p, 0, 3), "preprocess: want a picture of at least 1x1 pixels, got 0x3");
  p.fit = Fit::kCrop;
  p.crop_pct = 1.5;
  EXPECT_EQ(message_of(p), "preprocess: want crop_pct above 0 and at most 1, got 1.5");
}

TEST(Preprocessing, WordsGoThereAndBack) {
  for (const Fit fit : {Fit::kSquash, Fit::kCrop, Fit::kLetterbox})
    EXPECT_EQ(fit_from_string(to_string(fit)), fit);
  for (const Interpolation interpolation : {Interpolation::kBilinear, Interpolation::kBicubic})
    EXPECT_EQ(interpolation_from_string(to_string(interpolation)), interpolation);
  EXPECT_THROW(fit_from_string("center"), Error);
  for (const Decode decode : {Decode::kFull, Decode::kDraft})
    EXPECT_EQ(decode_from_string(to_string(decode)), decode);
  EXPECT_THROW(interpolation_from_string("lanczos"), Error);
  EXPECT_THROW(decode_from_string("half"), Error);
}

TEST(Preprocess, KnowsWhatOfAPictureItBrings) {
  const Region whole = fitted_region(300, 200, {.fit = Fit::kSquash});
  EXPECT_EQ(whole.left, 0);
  EXPECT_EQ(whole.bottom, 1);
  const Region crop = fitted_region(300, 200, {.fit = Fit::kCrop, .crop_pct = 0.75});
  EXPECT_DOUBLE_EQ(crop.left, 0.25);  // 150 of 300 pixels
  EXPECT_DOUBLE_EQ(crop.top, 0.125);  // 150 of 200
  const Region box = fitted_region(300, 200, {.fit = Fit::kLetterbox});
  EXPECT_DOUBLE_EQ(box.left, 0);
  EXPECT_DOUBLE_EQ(box.top, -0.25);
}

}  // namespace
}  // namespace shoplens
