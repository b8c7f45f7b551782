// SPDX-License-Identifier: Apache-2.0
// Changes of a picture's tones, equal to the bit to Pillow's ImageOps (posterize, solarize,
// autocontrast, equalize) and ImageEnhance (sharpness).
#pragma once
#include "image/image.h"

namespace shoplens {

void posterize(Image& image, int bits);         // keeps the upper `bits` (0..8) of every value
void solarize(Image& image, double threshold);  // turns values from `threshold` on into 255 - value
void autocontrast(Image& image);                // stretches every channel over 0..255
void equalize(Image& image);                    // gives every channel a flat histogram
void adjust_sharpness(Image& image, double factor);  // from the smoothed picture, as adjust_*

}  // namespace shoplens
