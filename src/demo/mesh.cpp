// SPDX-License-Identifier: Apache-2.0
#include "demo/mesh.h"

namespace shoplens {

Part make_quad(const Vec3& tl, const Vec3& tr, const Vec3& br, const Vec3& bl,
               const Material& material) {
  const Vec3 normal = unit(cross(tr - tl, tl - bl));
  Part part;
  part.material = material;
  part.vertices = {{tl, normal, 0, 0}, {tr, normal, 1, 0}, {br, normal, 1, 1}, {bl, normal, 0, 1}};
  part.triangles = {{0, 1, 2}, {0, 2, 3}};
  return part;
}

Mesh placed(Mesh mesh, float yaw, const Vec3& move) {
  const float sine = std::sin(yaw), cosine = std::cos(yaw);
  const auto turn = [&](const Vec3& p) -> Vec3 {
    return {cosine * p.x + sine * p.z, p.y, cosine * p.z - sine * p.x};
  };
  for (Part& part : mesh)
    for (Vertex& v : part.vertices) {
      v.position = turn(v.position) + move;
      v.normal = turn(v.normal);
    }
  return mesh;
}

}  // namespace shoplens
