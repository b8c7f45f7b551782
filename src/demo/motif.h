// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "demo/canvas.h"
#include "demo/product.h"

namespace shoplens {

/// Draws the picture of a flavour within `radius` of `centre`, turned by `tilt` radians.
void draw_motif(Canvas& canvas, Motif motif, Point centre, float radius, float tilt,
                const Vec3& colour);

}  // namespace shoplens
