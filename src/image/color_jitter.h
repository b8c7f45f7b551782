// SPDX-License-Identifier: Apache-2.0
// Equal to the bit to torchvision's adjust_* on Pillow images: a blend, cut to 8 bits, of the
// picture and what it fades to. A factor of 0 is that alone, 1 the picture, above 1 beyond it; want
// factor >= 0.
#pragma once
#include "image/image.h"

namespace shoplens {

void adjust_brightness(Image& image, double factor);  // from black
void adjust_contrast(Image& image, double factor);    // from the picture's mean grey
void adjust_saturation(Image& image, double factor);  // from each pixel's grey

}  // namespace shoplens
