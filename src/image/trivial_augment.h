// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/random.h"
#include "image/image.h"

namespace shoplens {

/// One operation and its strength, as drawn; apply() does it.
struct TrivialAugment {
  enum class Kind {
    kIdentity,
    kShearX,
    kShearY,
    kTranslateX,
    kTranslateY,
    kRotate,
    kBrightness,
    kSaturation,
    kContrast,
    kSharpness,
    kPosterize,
    kSolarize,
    kAutocontrast,
    kEqualize
  };
  static constexpr int kKinds = 14;

  /// A kind, a strength of 0 .. 30 thirtieths of its range and a sign, each uniform. Source: Müller
  /// and Hutter 2021, arXiv:2103.10158, the "wide" space of table 1, as torchvision's
  /// TrivialAugmentWide has it.
  static TrivialAugment draw(Random& random);

  /// The picture so changed, at its size. Colours equal Pillow's; moves are about the centre,
  /// bilinear, with black around.
  Image apply(Image image) const;

  Kind kind = Kind::kIdentity;
  double strength = 0;  // 0..1
  bool negative = false;
};

}  // namespace shoplens
