// SPDX-License-Identifier: Apache-2.0
#include "image/augment.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "image/color_jitter.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/trivial_augment.h"
#include "image/warp.h"

namespace shoplens {
namespace {

void check_options(const AugmentOptions& o) {
  const auto probability = [](double p, const char* name) {
    check(p >= 0 && p <= 1, "augment: want ", name, " between 0 and 1, got ", p);
  };
  probability(o.hflip, "hflip");
  probability(o.jpeg, "jpeg");
  probability(o.shift_scale_rotate, "shift-scale-rotate");
  probability(o.color_jitter_prob, "color-jitter-prob");
  probability(o.trivial_augment, "trivial-augment");
  probability(o.cutout, "cutout");
  probability(o.cutout_size, "cutout-size");
  check(o.crop_scale_min > 0 && o.crop_scale_min <= 1,
        "augment: want crop-scale-min above 0 and at most 1, got ", o.crop_scale_min);
  check(o.crop_ratio >= 1, "augment: want crop-ratio at least 1, got ", o.crop_ratio);
  check(o.scale >= 0 && o.scale < 1, "augment: want scale at least 0 and below 1, got ", o.scale);
  check(1 <= o.jpeg_quality_min && o.jpeg_quality_min <= o.jpeg_quality_max &&
            o.jpeg_quality_max <= 100,
        "augment: want 1 <= jpeg-quality-min <= jpeg-quality-max <= 100, got ", o.jpeg_quality_min,
        " and ", o.jpeg_quality_max);
}

void check_picture(const Image& image) {
  check(image.width > 0 && image.height > 0, "augment: want a picture of at least 1x1 pixels, got ",
        image.width, "x", image.height);
}

// What happens to one picture. Every field is drawn each time, in this order, whatever the options:
// switching a step off leaves the others' draws as they were.
struct Plan {
  Plan(const AugmentOptions& o, int width, int height, Random& random)
      : Plan(o, width, height, random, Random{Random(random).next()}) {}

  Plan(const AugmentOptions& o, int width, int height, Random& random, Random trivial_random)
      : flip(random.chance(o.hflip)),
        recompress(random.chance(o.jpeg)),
        quality(random.integer(o.jpeg_quality_min, o.jpeg_quality_max)),
        move(random.chance(o.shift_scale_rotate)),
        dx(random.uniform(-o.shift, o.shift) * width),
        dy(random.uniform(-o.shift, o.shift) * height),
        scale(random.uniform(1 - o.scale, 1 + o.scale)),
        degrees(random.uniform(-o.rotate, o.rotate)),
        recolor(random.chance(o.color_jitter_prob)),
        brightness(factor(o, random)),
        contrast(factor(o, random)),
        saturation(factor(o, random)),
        change(trivial_random.chance(o.trivial_augment)),
        trivial(TrivialAugment::draw(trivial_random)),
        cut(random.chance(o.cutout)),
        hole_width(random.integer(1, longest_hole(o, width))),
        hole_height(random.integer(1, longest_hole(o, height))),
        hole_left(random.integer(0, width - hole_width)),
        hole_top(random.integer(0, height - hole_height)) {
    const int x = random.integer(0, width), y = random.integer(0, height);
    if (!o.cutout_clipped) return;
    // The border cuts off the right and bottom of a hole; past the left and top it is moved inside.
    hole_left = std::max(x - longest_hole(o, width) / 2, 0);
    hole_top = std::max(y - longest_hole(o, height) / 2, 0);
    hole_width = std::min(longest_hole(o, width), width - hole_left);
    hole_height = std::min(longest_hole(o, height), height - hole_top);
  }

  static double factor(const AugmentOptions& o, Random& random) {
    return random.uniform(std::max(0.0, 1 - o.color_jitter), 1 + o.color_jitter);
  }
  static int longest_hole(const AugmentOptions& o, int side) {
    return std::clamp(static_cast<int>(std::lround(o.cutout_size * side)), 1, side);
  }

  bool flip;
  bool recompress;
  int quality;
  bool move;
  double dx, dy, scale, degrees;
  bool recolor;
  double brightness, contrast, saturation;
  bool change;
  TrivialAugment trivial;
  bool cut;
  int hole_width, hole_height, hole_left, hole_top;
};

Image apply(Image image, const Plan& plan) {
  if (plan.flip) image = hflip(image);
  if (plan.recompress) image = decode_image(encode_jpeg(image, plan.quality), "augmented picture");
  if (plan.move)
    image = warp(image, shift_scale_rotate(image.width, image.height, plan.dx, plan.dy, plan.scale,
                                           plan.degrees));
  if (plan.recolor) {
    adjust_brightness(image, plan.brightness);
    adjust_contrast(image, plan.contrast);
    adjust_saturation(image, plan.saturation);
  }
  if (plan.change) image = plan.trivial.apply(std::move(image));
  if (plan.cut)
    for (int y = plan.hole_top; y < plan.hole_top + plan.hole_height; ++y)
      std::memset(image.row(y) + std::ptrdiff_t{plan.hole_left} * 3, 0,
                  static_cast<std::size_t>(plan.hole_width) * 3);
  return image;
}

Box box_at(int left, int top, int width, int height) {
  return {static_cast<double>(left), static_cast<double>(top), static_cast<double>(left) + width,
          static_cast<double>(top) + height};
}

// torchvision's RandomResizedCrop.get_params: ten tries, then the largest centre crop of an allowed
// shape.
Box random_crop(const Image& image, const AugmentOptions& options, Random& random) {
  const double area = static_cast<double>(image.width) * image.height, widest = options.crop_ratio;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * random.uniform(options.crop_scale_min, 1);
    const double ratio = std::exp(random.uniform(-std::log(widest), std::log(widest)));
    const double width = std::nearbyint(std::sqrt(target * ratio)),
                 height = std::nearbyint(std::sqrt(target / ratio));
    if (width < 1 || height < 1 || width > image.width || height > image.height) continue;
    const int w = static_cast<int>(width), h = static_cast<int>(height);
    const int top = random.integer(0, image.height - h);
    return box_at(random.integer(0, image.width - w), top, w, h);
  }
  const double ratio = static_cast<double>(image.width) / image.height;
  int width = image.width, height = image.height;
  if (ratio < 1 / widest)
    height = std::clamp(static_cast<int>(std::nearbyint(width * widest)), 1, image.height);
  if (ratio > widest)
    width = std::clamp(static_cast<int>(std::nearbyint(height * widest)), 1, image.width);
  return box_at((image.width - width) / 2, (image.height - height) / 2, width, height);
}

}  // namespace

Image hflip(const Image& image) {
  Image out(image.width, image.height);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.row(y);
    std::uint8_t* to = out.row(y) + std::ptrdiff_t{image.width} * 3;
    for (int x = 0; x < image.width; ++x, from += 3) {
      to -= 3;
      to[0] = from[0], to[1] = from[1], to[2] = from[2];
    }
  }
  return out;
}

Image augment(const Image& image, const AugmentOptions& options, const Preprocessing& preprocessing,
              Random random) {
  if (options.crop_scale_min == 1)
    return augment_fitted(fit_image(image, preprocessing), options, random);
  check_options(options);
  const int size = preprocessing.size;
  check(size > 0, "augment: want a size of at least 1, got ", size);
  check_picture(image);
  const Plan plan(options, size, size, random);
  const Box crop = random_crop(image, options, random);
  return apply(resize(image, size, size, preprocessing.interpolation, crop), plan);
}

Image augment_fitted(Image fitted, const AugmentOptions& options, Random random) {
  check_options(options);
  check(options.crop_scale_min == 1, "augment_fitted: want crop-scale-min 1, got ",
        options.crop_scale_min);
  check_picture(fitted);
  const Plan plan(options, fitted.width, fitted.height, random);
  return apply(std::move(fitted), plan);
}

}  // namespace shoplens
