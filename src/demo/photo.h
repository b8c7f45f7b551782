// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "core/random.h"
#include "demo/artwork.h"
#include "demo/product.h"
#include "image/image.h"

namespace shoplens {

/// A product with its print.
struct Stocked {
  Product product;
  Artwork artwork;
};

/// A photo, and how hard to compress it.
struct Photo {
  Image image;
  int jpeg_quality = 92;
};

/// A clean photo before a light background: small changes of pose, size and light. size x size.
Photo catalogue_photo(const Stocked& item, int size, Random random);

/// A photo taken in the shop: the product among `neighbours` on a shelf, from any side, badly lit,
/// blurred, partly covered. `strength`, 0 to 1, scales all of that.
Photo shelf_photo(const Stocked& item, const std::vector<Stocked>& neighbours, float strength,
                  int size, Random random);

}  // namespace shoplens
