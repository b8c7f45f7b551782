// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "image/image.h"

namespace shoplens {

enum class Interpolation { kBilinear, kBicubic };

/// A region of a picture in pixels, may be fractional: [left, right) x [top, bottom).
struct Box {
  double left, top, right, bottom;
};

/// Some of the pixels of a resized picture.
struct Window {
  int x, y, width, height;
};

/// The picture at width x height, equal to the bit to Pillow's Image.resize((width, height),
/// filter[, box]): separable, antialiased (the filter widens by the shrink factor), 8-bit fixed
/// point, the two passes in the order of Pillow 13 (older versions always go across first, and
/// differ in the last bit where the height shrinks much more than the width).
/// Throws kBadInput for an empty picture or size, and for an empty or outlying box.
/// Source: Pillow src/libImaging/Resample.c (the algorithm; the code is our own).
Image resize(const Image& image, int width, int height, Interpolation interpolation);
Image resize(const Image& image, int width, int height, Interpolation interpolation,
             const Box& box);

/// resize, then the crop to `window`, which must lie inside width x height. Only the window is
/// computed.
Image resize_window(const Image& image, int width, int height, Interpolation interpolation,
                    const Window& window);

/// The same with one instruction set's code, for the test that they all agree. supported_passes()
/// are those this processor can run, the fastest last; that one is what resize uses.
struct ResamplePasses;
std::vector<const ResamplePasses*> supported_passes();
Image resize_window(const Image& image, int width, int height, Interpolation interpolation,
                    const Box& box, const Window& window, const ResamplePasses& passes);

}  // namespace shoplens
