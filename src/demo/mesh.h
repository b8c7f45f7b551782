// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "demo/vec3.h"
#include "image/image.h"

namespace shoplens {

struct Vertex {
  Vec3 position, normal;
  float u = 0, v = 0;  // place in the texture, 0 to 1, v downwards
};

/// How a surface answers light.
struct Material {
  const Image* texture = nullptr;  // else `colour`
  Vec3 colour{1, 1, 1};
  float gloss = 0.3f;   // strength of the lamps' reflection
  float metal = 0;      // 1: the colour shows in reflections instead of in the body
  bool ground = false;  // darkened where a package stands on it
};

/// Triangles of one material. y is up, z towards the viewer; lengths are decimetres.
struct Part {
  std::vector<Vertex> vertices;
  std::vector<std::array<std::uint32_t, 3>> triangles;
  Material material;
};
using Mesh = std::vector<Part>;

/// A surface of columns x rows cells: `place(s, t)` is its point for s and t of 0 to 1, which are u
/// and v too. Normals come from the surface itself, on the side that cross(d/ds, -d/dt) points to.
template <class Place>
Part make_surface(int columns, int rows, const Material& material, Place place) {
  Part part;
  part.material = material;
  constexpr float kStep = 1e-3f;
  for (int row = 0; row <= rows; ++row)
    for (int column = 0; column <= columns; ++column) {
      const float s = static_cast<float>(column) / static_cast<float>(columns);
      const float t = static_cast<float>(row) / static_cast<float>(rows);
      const Vec3 along = place(s + kStep, t) - place(s - kStep, t),
                 down = place(s, t + kStep) - place(s, t - kStep);
      part.vertices.push_back({place(s, t), unit(cross(along, down * -1)), s, t});
    }
  const auto index = [&](int column, int row) {
    return static_cast<std::uint32_t>(row * (columns + 1) + column);
  };
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column) {
      part.triangles.push_back(
          {index(column, row), index(column + 1, row), index(column, row + 1)});
      part.triangles.push_back(
          {index(column + 1, row), index(column + 1, row + 1), index(column, row + 1)});
    }
  return part;
}

/// A flat four-cornered face: top left, top right, bottom right, bottom left as the viewer sees it.
Part make_quad(const Vec3& tl, const Vec3& tr, const Vec3& br, const Vec3& bl,
               const Material& material);

/// The mesh turned by `yaw` radians about the y axis, then moved.
Mesh placed(Mesh mesh, float yaw, const Vec3& move);

}  // namespace shoplens
