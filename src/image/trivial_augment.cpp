// SPDX-License-Identifier: Apache-2.0
#include "image/trivial_augment.h"

#include <cmath>
#include <utility>

#include "image/color_jitter.h"
#include "image/tone.h"
#include "image/warp.h"

namespace shoplens {
namespace {

constexpr int kLevels = 30;
constexpr double kMostShear = 0.99, kMostShift = 32, kMostDegrees = 135, kMostFactor = 0.99;

// x' = x + across * (y - centre), y' = y + down * (x - centre): where a sheared pixel comes from.
Affine shear(const Image& image, double across, double down) {
  const double middle_x = (image.width - 1) / 2.0, middle_y = (image.height - 1) / 2.0;
  return {
      .xx = 1, .xy = across, .x0 = -across * middle_y, .yx = down, .yy = 1, .y0 = -down * middle_x};
}

}  // namespace

TrivialAugment TrivialAugment::draw(Random& random) {
  const auto kind = static_cast<Kind>(random.integer(0, kKinds - 1));
  const double strength = static_cast<double>(random.integer(0, kLevels)) / kLevels;
  return {kind, strength, random.chance(0.5)};
}

Image TrivialAugment::apply(Image image) const {
  const double signed_strength = negative ? -strength : strength;
  const double factor = 1 + kMostFactor * signed_strength;
  const auto moved = [&](double dx, double dy, double degrees) {
    return warp(image, shift_scale_rotate(image.width, image.height, dx, dy, 1, degrees));
  };
  switch (kind) {
    case Kind::kIdentity:
      break;
    case Kind::kShearX:
      return warp(image, shear(image, kMostShear * signed_strength, 0));
    case Kind::kShearY:
      return warp(image, shear(image, 0, kMostShear * signed_strength));
    case Kind::kTranslateX:
      return moved(kMostShift * signed_strength, 0, 0);
    case Kind::kTranslateY:
      return moved(0, kMostShift * signed_strength, 0);
    case Kind::kRotate:
      return moved(0, 0, kMostDegrees * signed_strength);
    case Kind::kBrightness:
      adjust_brightness(image, factor);
      break;
    case Kind::kSaturation:
      adjust_saturation(image, factor);
      break;
    case Kind::kContrast:
      adjust_contrast(image, factor);
      break;
    case Kind::kSharpness:
      adjust_sharpness(image, factor);
      break;
    case Kind::kPosterize:
      posterize(image, 8 - static_cast<int>(std::nearbyint(6 * strength)));
      break;
    case Kind::kSolarize:
      solarize(image, 255 * (1 - strength));
      break;
    case Kind::kAutocontrast:
      autocontrast(image);
      break;
    case Kind::kEqualize:
      equalize(image);
      break;
  }
  return image;
}

}  // namespace shoplens
