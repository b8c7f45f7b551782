// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/random.h"
#include "demo/canvas.h"
#include "image/image.h"

namespace shoplens {

/// What a camera does to the light. Lengths are in pixels of a 256-pixel photo and grow with the
/// photo.
struct Lens {
  Vec3 white_balance{1, 1, 1};  // gain of red, green, blue, exposure included
  float blur = 0;               // standard deviation of the defocus
  float motion = 0;             // length of the shake
  float motion_angle = 0;       // radians
  float noise = 0;              // standard deviation at mid grey, of 1
  float vignette = 0;           // light lost in the corners, share
};

/// The picture a camera makes of `light` (linear, [size, size]): 8-bit, gamma encoded, highlights
/// rolled off.
Image develop(Canvas light, const Lens& lens, Random& random);

}  // namespace shoplens
