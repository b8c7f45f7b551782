// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "demo/artwork.h"
#include "demo/mesh.h"
#include "demo/product.h"

namespace shoplens {

/// The product's package, standing on y = 0 with its front towards +z. The mesh points into
/// `artwork`.
Mesh make_package(const Product& product, const Artwork& artwork);

}  // namespace shoplens
