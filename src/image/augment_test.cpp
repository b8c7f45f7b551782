// SPDX-License-Identifier: Apache-2.0
#include "image/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "image/test_pattern.h"
#include "image/trivial_augment.h"

namespace shoplens {
namespace {

AugmentOptions nothing() {
  AugmentOptions options;
  options.hflip = options.jpeg = options.shift_scale_rotate = options.color_jitter_prob =
      options.trivial_augment = options.cutout = 0;
  return options;
}

AugmentOptions everything() {
  AugmentOptions options;
  options.crop_scale_min = 0.3;
  options.color_jitter_prob = 0.8;
  options.trivial_augment = 0.7;
  return options;
}

Image plain(int width, int height, std::uint8_t value) {
  Image image(width, height);
  std::fill(image.pixels.begin(), image.pixels.end(), value);
  return image;
}

// How often `changes` holds over 2000 samples must lie within 4 sigma of p.
void expect_probability(double p, const auto& changes) {
  int count = 0;
  for (std::uint64_t sample = 0; sample < 2000; ++sample)
    count += changes(Random{11, 3, sample}) ? 1 : 0;
  EXPECT_NEAR(count, 2000 * p, 4 * std::sqrt(2000 * p * (1 - p)));
}

TEST(HFlip, MirrorsAndIsItsOwnInverse) {
  const Image image = test_pattern(17, 5), flipped = hflip(image);
  EXPECT_EQ(flipped.row(2)[0], image.row(2)[3 * 16]);
  EXPECT_EQ(flipped.row(4)[3 * 3 + 1], image.row(4)[3 * 13 + 1]);
  EXPECT_EQ(hflip(flipped), image);
}

TEST(Augment, WithEverythingOffIsFitImage) {
  const Image image = test_pattern(91, 60);
  Preprocessing p;
  p.size = 48;
  for (const Fit fit : {Fit::kSquash, Fit::kCrop, Fit::kLetterbox}) {
    p.fit = fit;
    EXPECT_EQ(augment(image, nothing(), p, Random{1}), fit_image(image, p));
  }
}

TEST(Augment, OfAFittedPictureIsTheSame) {
  const Image image = test_pattern(91, 60);
  Preprocessing p;
  p.size = 48;
  for (std::uint64_t sample = 0; sample < 20; ++sample)
    EXPECT_EQ(augment(image, {}, p, Random{1, sample}),
              augment_fitted(fit_image(image, p), {}, Random{1, sample}));
}

TEST(Augment, DependsOnSeedEpochAndSampleNotOnThreads) {
  const Image image = test_pattern(120, 90);
  Preprocessing p;
  p.size = 64;
  const auto run = [&](std::uint64_t seed, std::uint64_t epoch, int threads) {
    std::vector<Image> out(40);
    parallel_for(40, threads, [&](std::int64_t i) {
      out[i] = augment(image, everything(), p, Random{seed, epoch, static_cast<std::uint64_t>(i)});
    });
    return out;
  };
  const std::vector<Image> one = run(5, 2, 1);
  EXPECT_EQ(one, run(5, 2, 4));
  EXPECT_NE(one[0], one[1]);
  EXPECT_NE(one, run(5, 3, 1));
  EXPECT_NE(one, run(6, 2, 1));
}

TEST(Augment, StepsHappenWithTheirProbabilities) {
  const Image image = test_pattern(24, 24);
  const auto changed_by = [&](const AugmentOptions& options) {
    return [&image, options](Random random) {
      return augment_fitted(image, options, random) != image;
    };
  };
  AugmentOptions options = nothing();
  options.hflip = 0.5;
  expect_probability(0.5, changed_by(options));
  options = nothing();
  options.jpeg = 0.5;
  expect_probability(0.5, changed_by(options));
  options = nothing();
  options.shift_scale_rotate = 0.7;
  expect_probability(0.7, changed_by(options));
  options = nothing();
  options.color_jitter_prob = 0.3;
  expect_probability(0.3, changed_by(options));
}

TEST(Augment, TrivialAugmentLeavesTheOtherStepsAsTheyWere) {
  const Image image = test_pattern(48, 48);
  AugmentOptions with = everything(), without = everything();
  with.trivial_augment = 1;
  without.trivial_augment = 0;
  Preprocessing p;
  p.size = 32;
  int same = 0, changed = 0;
  for (std::uint64_t sample = 0; sample < 600; ++sample) {
    const Random random{4, sample};
    Random own{Random(random).next()};
    own.chance(1);
    const TrivialAugment drawn = TrivialAugment::draw(own);
    const bool equal = augment(image, with, p, random) == augment(image, without, p, random);
    if (drawn.kind == TrivialAugment::Kind::kIdentity) {
      EXPECT_TRUE(equal);
    }
    ++(equal ? same : changed);
  }
  EXPECT_GT(same, 600 / 14 / 2);
  EXPECT_GT(changed, 450);
}

// albumentations 0.5.2: y1 = clip(y - max // 2), y2 = clip(y1 + max), y uniform in 0 .. height; so
// along a side of 50 with a hole of 20: 11 of 51 points put it at 0, and the last 10 shorten it.
TEST(Augment, AClippedCutoutHasOneSideAndIsCutOffAtTheBorder) {
  AugmentOptions options = nothing();
  options.cutout = 1;
  options.cutout_size = 0.4;
  options.cutout_clipped = true;
  const Image image = plain(50, 50, 200);
  std::vector<int> lefts(51), widths(21);
  constexpr int kPictures = 5100;
  for (std::uint64_t sample = 0; sample < kPictures; ++sample) {
    const Image out = augment_fitted(image, options, Random{6, sample});
    int left = 50, right = -1, top = 50, bottom = -1, black = 0;
    for (int y = 0; y < 50; ++y)
      for (int x = 0; x < 50; ++x)
        if (out.row(y)[3 * x] == 0)
          left = std::min(left, x), right = std::max(right, x), top = std::min(top, y),
          bottom = std::max(bottom, y), ++black;
    const int width = right - left + 1;
    ASSERT_EQ(black, width * (bottom - top + 1));
    ASSERT_LE(width, 20);
    EXPECT_EQ(width, std::min(20, 50 - left));
    ++lefts[left], ++widths[width];
  }
  const auto expect_near = [](int got, double want) {
    EXPECT_NEAR(got, want, 5 * std::sqrt(want));
  };
  expect_near(lefts[0], kPictures * 11 / 51.0);
  for (int left = 1; left <= 40; ++left) expect_near(lefts[left], kPictures / 51.0);
  EXPECT_EQ(lefts[41], 0);
  expect_near(widths[20], kPictures * 41 / 51.0);
  for (int width = 10; width < 20; ++width) expect_near(widths[width], kPictures / 51.0);
}

TEST(Augment, CutoutIsOneBlackRectangleInsideWithUniformSides) {
  AugmentOptions options = nothing();
  options.cutout = 0.5;
  options.cutout_size = 0.4;
  const Image image = plain(50, 50, 200);
  std::vector<int> widths(21), heights(21);
  expect_probability(0.5, [&](Random random) {
    const Image out = augment_fitted(image, options, random);
    int left = 50, right = -1, top = 50, bottom = -1, black = 0;
    for (int y = 0; y < 50; ++y) {
      for (int x = 0; x < 50; ++x) {
        if (out.row(y)[3 * x] != 0) continue;
        left = std::min(left, x), right = std::max(right, x), top = std::min(top, y),
        bottom = std::max(bottom, y);
        ++black;
      }
    }
    if (black == 0) return false;
    const int width = right - left + 1, height = bottom - top + 1;
    EXPECT_EQ(black, width * height);
    EXPECT_LE(std::max(width, height), 20);
    if (width <= 20 && height <= 20) ++widths[width], ++heights[height];
    return true;
  });
  for (int side = 1; side <= 20; ++side) {  // about 1000 holes, 50 a side
    EXPECT_NEAR(widths[side], 50, 4 * std::sqrt(50)) << side;
    EXPECT_NEAR(heights[side], 50, 4 * std::sqrt(50)) << side;
  }
}

TEST(Augment, SwitchingAStepOffLeavesTheOthersDraws) {
  const Image image = test_pattern(40, 40);
  AugmentOptions both = nothing(), cutout_only = nothing();
  both.hflip = 0.5;
  both.cutout = cutout_only.cutout = 1;
  for (std::uint64_t sample = 0; sample < 20; ++sample) {
    const Image out = augment_fitted(image, both, Random{sample});
    EXPECT_TRUE(out == augment_fitted(image, cutout_only, Random{sample}) ||
                out == augment_fitted(hflip(image), cutout_only, Random{sample}));
  }
}

TEST(Augment, JpegAtHighQualityStaysNear) {
  AugmentOptions options = nothing();
  options.jpeg = 1;
  Image image(64, 64);  // a smooth ramp: what 4:2:0 and quality 99 lose is small
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x)
      for (int c = 0; c < 3; ++c)
        image.row(y)[3 * x + c] = static_cast<std::uint8_t>(x + y + 20 * c);
  const Image out = augment_fitted(image, options, Random{4});
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    ASSERT_NEAR(out.pixels[i], image.pixels[i], 6);
}

TEST(Augment, RandomCropHasTheAreaAndRatioAsked) {
  // Each pixel says where it stands, so that the crop can be read off the result.
  Image image(200, 100);
  for (int y = 0; y < 100; ++y)
    for (int x = 0; x < 200; ++x)
      image.row(y)[3 * x] = static_cast<std::uint8_t>(x),
                       image.row(y)[3 * x + 1] = static_cast<std::uint8_t>(y);
  AugmentOptions options = nothing();
  options.crop_scale_min = 0.25;
  Preprocessing p;
  p.size = 64;
  p.interpolation = Interpolation::kBilinear;
  for (std::uint64_t sample = 0; sample < 500; ++sample) {
    const Image out = augment(image, options, p, Random{sample});
    // Between pixels 16 and 48 of 64 lies half the crop.
    const double width = 2.0 * (out.row(32)[3 * 48] - out.row(32)[3 * 16]);
    const double height = 2.0 * (out.row(48)[1] - out.row(16)[1]);
    EXPECT_GT(width * height, 0.25 * 200 * 100 * 0.9);
    EXPECT_LE(height, 102);
    EXPECT_GT(width / height, 0.75 * 0.93);
    EXPECT_LT(width / height, 4.0 / 3 * 1.07);
  }
}

TEST(Augment, RandomCropOfAThinPictureFallsBackToItsCentre) {
  AugmentOptions options = nothing();
  options.crop_scale_min = 0.9;  // no box of ratio <= 4/3 holds 90% of 100 x 10
  Preprocessing p;
  p.size = 16;
  for (const auto& [width, height, box] :
       {std::tuple{100, 10, Box{43, 0, 56, 10}}, {10, 100, Box{0, 43, 10, 56}}}) {
    const Image image = test_pattern(width, height);
    EXPECT_EQ(augment(image, options, p, Random{1}), resize(image, 16, 16, p.interpolation, box));
  }
}

TEST(Augment, SaysWhatIsWrong) {
  const auto message_of = [](const AugmentOptions& options, const Image& image) -> std::string {
    try {
      augment_fitted(image, options, Random{1});
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const Image image = test_pattern(8, 8);
  AugmentOptions options;
  options.hflip = 1.5;
  EXPECT_EQ(message_of(options, image), "augment: want hflip between 0 and 1, got 1.5");
  options = {};
  options.jpeg_quality_min = 0;
  EXPECT_EQ(message_of(options, image),
            "augment: want 1 <= jpeg-quality-min <= jpeg-quality-max <= 100, got 0 and 100");
  options = {};
  options.crop_scale_min = 0.5;
  EXPECT_EQ(message_of(options, image), "augment_fitted: want crop-scale-min 1, got 0.5");
  EXPECT_EQ(message_of({}, Image()), "augment: want a picture of at least 1x1 pixels, got 0x0");
}

}  // namespace
}  // namespace shoplens
