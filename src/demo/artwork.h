// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "demo/product.h"
#include "image/image.h"

namespace shoplens {

/// What is printed on a package, as flat pictures.
struct Artwork {
  Image front, side;
};

/// Share of a package's height that the printed front covers, and its width to height on the flat.
struct PrintedArea {
  float bottom, top;  // shares of the package height
  float aspect;
};
PrintedArea printed_area(const Product& product);

/// Draws the product's front and side, the front `height` pixels high.
Artwork draw_artwork(const Product& product, int height);

}  // namespace shoplens
