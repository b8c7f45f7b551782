// SPDX-License-Identifier: Apache-2.0
// A small rasteriser: z-buffer, perspective-correct textures, 2 x 2 supersampling. Colours in it
// are linear light with gamma 2: linear = value^2, which is near enough to sRGB and needs no pow.
#pragma once
#include <vector>

#include "demo/canvas.h"
#include "demo/mesh.h"

namespace shoplens {

/// Looks along -z from `distance` before `target`, raised by `pitch` and rolled by `roll`
/// (radians).
struct Camera {
  Vec3 target;
  float distance = 6, pitch = 0.1f, roll = 0;
  float focal = 1, centre_x = 0,
        centre_y = 0;  // of the projection, in frame sides; set by frame_camera
};

/// Sets the projection so that the mesh fills `fill` of the frame's longer need, its middle at (x,
/// y) (0 to 1).
void frame_camera(Camera& camera, const Mesh& mesh, float fill, float x, float y);

struct Lighting {
  Vec3 direction;        // towards the key light
  Vec3 key, sky, floor;  // colours of the key light and of the light from above and below
  float lamp = 0.35f;    // where the bright strips that glossy things mirror are: sideways tilt
};

/// A place where something stands: what darkens a ground material and the backdrop near it.
struct Footprint {
  float x, z, half_width, half_depth;
};

struct Scene {
  std::vector<Mesh> meshes;  // nearest first is fastest
  std::vector<Footprint> footprints;
  Lighting lighting;
  Vec3 backdrop_top, backdrop_bottom;  // linear; behind everything
  bool floor = false;                  // the backdrop has a floor at y = 0 that takes shadows
};

/// The scene as a size x size picture in linear light.
Canvas render(const Scene& scene, const Camera& camera, int size);

}  // namespace shoplens
