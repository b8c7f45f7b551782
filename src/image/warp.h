// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "image/image.h"

namespace shoplens {

/// A map of pixel centres: (x, y) -> (xx * x + xy * y + x0, yx * x + yy * y + y0).
struct Affine {
  double xx = 1, xy = 0, x0 = 0;
  double yx = 0, yy = 1, y0 = 0;
};

/// out(x, y) = image(to_source(x, y)) at the same size, bilinear; outside the picture is black, and
/// blends into its outermost pixels, as cv2.warpAffine(INTER_LINEAR | WARP_INVERSE_MAP,
/// BORDER_CONSTANT) has it. Within 1 grey level of exact arithmetic; a shift by whole pixels is
/// exact.
Image warp(const Image& image, const Affine& to_source);

/// The to_source of: scale about the centre, rotate by `degrees` counter-clockwise, shift by (dx,
/// dy) pixels. Source: albumentations ShiftScaleRotate (cv2.getRotationMatrix2D), with the centre
/// between the pixels.
Affine shift_scale_rotate(int width, int height, double dx, double dy, double scale,
                          double degrees);

}  // namespace shoplens
