// SPDX-License-Identifier: Apache-2.0
// Equal to the bit to torchvision's adjust_* on Pillow images: a blend, cut to 8 bits, of the
// picture and what it fades to. A factor of 0 is that alone, 1 the picture, above 1 beyond it; want
// factor >= 0.
#pragma once
#include <cstdint>

#include "image/image.h"

namespace shoplens {

/// Pillow's Image.blend of two values, its fraction cut off.
std::uint8_t blend(int from, int to, float factor);

void adjust_brightness(Image& image, double factor);  // from black
void adjust_contrast(Image& image, double factor);    // from the picture's mean grey
void adjust_saturation(Image& image, double factor);  // from each pixel's grey

}  // namespace shoplens
