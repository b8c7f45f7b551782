// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/random.h"
#include "image/image.h"
#include "image/preprocess.h"

namespace shoplens {

/// Train augmentation, applied in this order, each step with its probability (0 switches it off).
/// The defaults are the contest winner's (DShomin/Lotte-product-classification), without
/// RandomResizedCrop, colour jitter and TrivialAugment.
struct AugmentOptions {
  double crop_scale_min =
      1.0;  // RandomResizedCrop: least share of the area; 1 is off, the photo is fitted as in eval
  double crop_ratio =
      4.0 / 3.0;  // RandomResizedCrop: widest aspect ratio, and 1 / it the narrowest
  double hflip = 0.5;
  double jpeg = 0.5;  // re-compress
  int jpeg_quality_min = 99, jpeg_quality_max = 100;
  double shift_scale_rotate = 0.7;
  double shift = 0.2, scale = 0.2,
         rotate = 10;  // of the side, of the size, degrees; each uniform in +-
  double color_jitter_prob = 0;
  double color_jitter = 0.4;  // brightness, contrast, saturation: factor uniform in 1 +- this
  double trivial_augment = 0;
  double cutout = 0.5;
  double cutout_size = 0.4;  // largest hole side as a share of the input side (102 of 256)
  bool cutout_clipped = false;

  template <class V>
  void visit(V& v) {
    v(crop_scale_min, "crop-scale-min",
      "RandomResizedCrop: least share of the photo's area; 1 is off");
    v(crop_ratio, "crop-ratio", "RandomResizedCrop: widest aspect ratio (narrowest is 1 / it)");
    v(hflip, "hflip", "probability of a horizontal flip");
    v(jpeg, "jpeg", "probability of JPEG compression");
    v(jpeg_quality_min, "jpeg-quality-min", "lowest JPEG quality");
    v(jpeg_quality_max, "jpeg-quality-max", "highest JPEG quality");
    v(shift_scale_rotate, "shift-scale-rotate",
      "probability of shift + scale + rotate, border black");
    v(shift, "shift-limit", "largest shift, as a share of the side");
    v(scale, "scale-limit", "largest change of scale, as a share");
    v(rotate, "rotate-limit", "largest rotation, degrees");
    v(color_jitter_prob, "color-jitter-prob", "probability of colour jitter");
    v(color_jitter, "color-jitter", "brightness, contrast and saturation each times 1 +- this");
    v(trivial_augment, "trivial-augment",
      "probability of TrivialAugment: one of 14 operations, at any strength");
    v(cutout, "cutout", "probability of one black rectangle");
    v(cutout_size, "cutout-size", "largest side of it, as a share of the input side");
    v(cutout_clipped, "cutout-clipped",
      "the black rectangle always has that side, about any point, and is cut off at the border; "
      "else "
      "its sides are any up to that, and it lies inside");
  }
};

/// One augmented training picture of size x size, 8-bit (normalize comes after), in this order:
/// - crop: RandomResizedCrop as torchvision draws it, resized from the box; with crop_scale_min 1
///   fit_image in its place
/// - flip, left to right
/// - JPEG: encoded and decoded, at a quality drawn from the range
/// - shift, scale and rotation together about the centre, bilinear, outside black (albumentations)
/// - brightness, contrast and saturation, each by its own factor, in that order (torchvision)
/// - TrivialAugment: one operation
/// - cutout: one black rectangle wholly inside, each side uniform in 1 .. cutout_size * the
///   picture's; with cutout_clipped a square of that side about a point uniform in the picture, cut
///   off at the border, as albumentations 0.5.2's Cutout draws it
///
/// A pure function of its arguments: give it Random{seed, epoch, sample}, or the visit of
/// a sample that comes more than once (number_visits in data/sampler.h). The crop is drawn last,
/// TrivialAugment from a stream of its own, and every other parameter always, so that switching one
/// step off leaves the others as they were. Throws kBadInput for an empty picture and for an option
/// outside its range.
Image augment(const Image& image, const AugmentOptions& options, const Preprocessing& preprocessing,
              Random random);

/// augment for a picture that fit_image has already brought to size (a cached one); needs
/// crop_scale_min == 1.
Image augment_fitted(Image fitted, const AugmentOptions& options, Random random);

/// The picture mirrored left to right.
Image hflip(const Image& image);

}  // namespace shoplens
