// SPDX-License-Identifier: Apache-2.0
// What gets between a shopper's camera and a product.
#pragma once
#include "core/random.h"
#include "demo/canvas.h"
#include "demo/mesh.h"
#include "demo/product.h"

namespace shoplens {

/// A card that announces an offer.
Image promotion_card(Random& random);

/// `card` hanging before the lower part of the product; `z` is the shelf's front edge. The mesh
/// points to `card`.
Mesh hanging_card(const Image& card, const Product& product, float z, Random& random);

/// Fingers that reach into the picture from a side. `light` is linear.
void draw_hand(Canvas& light, Random& random);

/// The soft reflection of a lamp in front of everything.
void draw_glare(Canvas& light, Random& random);

}  // namespace shoplens
