// SPDX-License-Identifier: Apache-2.0
#include "demo/package.h"

#include <cmath>
#include <iterator>
#include <numbers>

namespace shoplens {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;
constexpr float kFrontArc =
    1.3f;  // half angle of a round package's front; printed_area counts on it
const Material kSteel{nullptr, {0.95f, 0.96f, 0.97f}, 1.1f, 0.8f};

Material printed(const Image& image, float gloss) { return {&image, {1, 1, 1}, gloss}; }
Material plain(const Vec3& colour, float gloss) { return {nullptr, colour, gloss}; }

struct Ring {
  float y, radius;
};

// The surface that a profile (bottom to top) sweeps between two angles; 0 looks at the viewer.
template <std::size_t n>
Part turned(const Ring (&profile)[n], float from, float to, const Material& material) {
  const int columns = std::max(6, static_cast<int>((to - from) * 7));
  return make_surface(
      columns, 2 * (static_cast<int>(n) - 1), material, [&](float s, float t) -> Vec3 {
        const float along = (1 - t) * static_cast<float>(n - 1);
        const int i = std::clamp(static_cast<int>(along), 0, static_cast<int>(n) - 2);
        const float f = along - static_cast<float>(i), angle = from + (to - from) * s;
        const float radius = profile[i].radius + (profile[i + 1].radius - profile[i].radius) * f;
        const float y = profile[i].y + (profile[i + 1].y - profile[i].y) * f;
        return {radius * std::sin(angle), y, radius * std::cos(angle)};
      });
}

// A round package's print: the front, and the side picture twice round the back.
void add_wrap(Mesh& mesh, float radius, float bottom, float top, const Artwork& art, float gloss) {
  const Ring band[] = {{bottom, radius}, {top, radius}};
  mesh.push_back(turned(band, -kFrontArc, kFrontArc, printed(art.front, gloss)));
  mesh.push_back(turned(band, kFrontArc, kPi, printed(art.side, gloss)));
  mesh.push_back(turned(band, -kPi, -kFrontArc, printed(art.side, gloss)));
}

Mesh can(const Product& p, const Artwork& art) {
  const float r = p.width / 2, h = p.height;
  Mesh mesh;
  add_wrap(mesh, r, 0.05f * h, 0.95f * h, art, 0.75f);
  const Ring foot[] = {{0, r * 0.86f}, {0.02f * h, r * 0.92f}, {0.05f * h, r}};
  const Ring neck[] = {
      {0.95f * h, r}, {0.98f * h, r * 0.88f}, {0.985f * h, r * 0.92f}, {h, r * 0.92f}};
  const Ring lid[] = {{h, r * 0.92f}, {0.985f * h, r * 0.86f}, {0.985f * h, 0}};
  mesh.push_back(turned(foot, -kPi, kPi, kSteel));
  mesh.push_back(turned(neck, -kPi, kPi, kSteel));
  mesh.push_back(turned(lid, -kPi, kPi, kSteel));
  return mesh;
}

Mesh bottle(const Product& p, const Artwork& art) {
  const float r = p.width / 2, h = p.height;
  const Vec3 contents = mix(p.accent, {1, 1, 1}, 0.08f);
  Mesh mesh;
  add_wrap(mesh, r * 1.004f, 0.1f * h, 0.58f * h, art, 0.35f);
  const Ring body[] = {{0, r * 0.9f},          {0.03f * h, r * 0.99f}, {0.1f * h, r},
                       {0.58f * h, r},         {0.64f * h, r * 0.97f}, {0.7f * h, r * 0.84f},
                       {0.76f * h, r * 0.62f}, {0.81f * h, r * 0.42f}, {0.88f * h, r * 0.36f}};
  const Ring cap[] = {{0.87f * h, r * 0.43f}, {0.985f * h, r * 0.42f}, {h, r * 0.38f}, {h, 0}};
  mesh.push_back(turned(body, -kPi, kPi, plain(contents, 0.95f)));
  mesh.push_back(turned(cap, -kPi, kPi, plain(p.design.base, 0.5f)));
  return mesh;
}

Mesh jar(const Product& p, const Artwork& art) {
  const float r = p.width / 2, h = p.height;
  Mesh mesh;
  add_wrap(mesh, r * 1.004f, 0.1f * h, 0.68f * h, art, 0.3f);
  const Ring body[] = {{0, r * 0.92f},
                       {0.04f * h, r},
                       {0.7f * h, r},
                       {0.77f * h, r * 0.93f},
                       {0.82f * h, r * 0.84f}};
  const Ring lid[] = {{0.8f * h, r * 0.93f}, {0.97f * h, r * 0.93f}, {h, r * 0.88f}, {h, 0}};
  mesh.push_back(turned(body, -kPi, kPi, plain(p.accent * 0.75f, 1)));
  mesh.push_back(
      turned(lid, -kPi, kPi,
             Material{nullptr, mix(p.design.second, {0.9f, 0.75f, 0.4f}, 0.4f), 0.7f, 0.6f}));
  return mesh;
}

// The four upright faces of a box and its top.
Mesh cuboid(float w, float h, float d, const Artwork& art, const Material& top, float gloss) {
  const float x = w / 2, z = d / 2;
  const Material front = printed(art.front, gloss), side = printed(art.side, gloss);
  return {make_quad({-x, h, z}, {x, h, z}, {x, 0, z}, {-x, 0, z}, front),
          make_quad({x, h, z}, {x, h, -z}, {x, 0, -z}, {x, 0, z}, side),
          make_quad({-x, h, -z}, {-x, h, z}, {-x, 0, z}, {-x, 0, -z}, side),
          make_quad({x, h, -z}, {-x, h, -z}, {-x, 0, -z}, {x, 0, -z}, front),
          make_quad({-x, h, -z}, {x, h, -z}, {x, h, z}, {-x, h, z}, top)};
}

Mesh box(const Product& p, const Artwork& art) {
  return cuboid(p.width, p.height, p.depth, art, plain(p.design.base * 0.95f, 0.25f), 0.25f);
}

Mesh carton(const Product& p, const Artwork& art) {
  const float x = p.width / 2, z = p.depth / 2, h = p.height, eaves = 0.8f * h, ridge = 0.93f * h;
  const Material roof = plain(mix(p.design.base, p.design.paper, 0.1f), 0.25f);
  Mesh mesh = cuboid(p.width, eaves, p.depth, art, roof, 0.25f);
  const float inset = x * 0.97f;
  mesh.push_back(
      make_quad({-inset, ridge, 0}, {inset, ridge, 0}, {x, eaves, z}, {-x, eaves, z}, roof));
  mesh.push_back(
      make_quad({inset, ridge, 0}, {-inset, ridge, 0}, {-x, eaves, -z}, {x, eaves, -z}, roof));
  for (const float s : {-1.f, 1.f})  // the folded-in gables
    mesh.push_back(make_quad({s * inset, ridge, 0}, {s * inset, ridge, 0}, {s * x, eaves, -s * z},
                             {s * x, eaves, s * z}, plain(p.design.base * 0.8f, 0.2f)));
  mesh.push_back(make_quad({-inset, h, 0.01f}, {inset, h, 0.01f}, {inset, ridge, 0.01f},
                           {-inset, ridge, 0.01f}, plain(p.design.paper, 0.2f)));
  const Ring cap[] = {
      {0, 0.17f * x * 2}, {0.11f, 0.17f * x * 2}, {0.125f, 0.15f * x * 2}, {0.125f, 0}};
  Part screw = turned(cap, -kPi, kPi, plain(p.accent, 0.5f));
  const float slope = std::atan2(z, ridge - eaves) * 0.75f;  // leans as the roof does
  const Vec3 foot{0, (eaves + ridge) / 2 - 0.01f, z / 2};
  const auto lean = [&](const Vec3& q) -> Vec3 {
    return {q.x, q.y * std::cos(slope) - q.z * std::sin(slope),
            q.y * std::sin(slope) + q.z * std::cos(slope)};
  };
  for (Vertex& v : screw.vertices) v = {lean(v.position) + foot, lean(v.normal), v.u, v.v};
  mesh.push_back(std::move(screw));
  return mesh;
}

// A pillow between two crimped seams. Wrinkles are waves of the surface itself.
Mesh bag(const Product& p, const Artwork& art) {
  const float phase = static_cast<float>(p.seed % 628) / 100;
  const auto face = [=, &p](float s, float t) -> Vec3 {
    const float x = 2 * s - 1, y = 1 - 2 * t;
    const float seam = smooth_step(1.f, 0.86f, std::abs(y)),
                sides = std::sqrt(std::max(1 - x * x, 0.f));
    const float waist = 1 - 0.05f * seam * (1 - y * y * 0.6f);
    const float wrinkle =
        0.012f * std::sin(11 * x + 5 * y + phase) * std::sin(7 * y - 4 * x + phase) +
        0.02f * y * y * std::sin(16 * x + phase) * (1 - x * x);
    const float bulge = p.depth / 2 * std::sqrt(std::max(1 - y * y, 0.f)) * sides;
    const float ripple = 0.012f * std::sin(40 * x + phase) * (1 - seam);
    return {x * waist * p.width / 2,
            (1 - t) * p.height + 0.015f * std::sin(6 * x + phase) * (y > 0 ? 1.f : 0.f),
            bulge + wrinkle * seam * 1.6f + ripple};
  };
  Mesh mesh{make_surface(28, 32, printed(art.front, 0.7f), face)};
  const auto back = [=](float s, float t) -> Vec3 {
    const Vec3 q = face(1 - s, t);
    return {q.x, q.y, -q.z};
  };
  mesh.push_back(make_surface(14, 14, plain(p.design.base, 0.5f), back));
  return mesh;
}

// Stands on its cap: round below, pressed flat at the top.
Mesh tube(const Product& p, const Artwork& art) {
  const float r = p.width / 2, h = p.height, cap = 0.2f * h;
  const auto ring = [=](float angle, float t) -> Vec3 {  // t = 0 at the top
    const float flat = smooth_step(0, 1, std::clamp(t, 0.f, 1.f));
    const float rx = r * (1.12f - 0.22f * flat), rz = 0.02f + (r * 0.88f - 0.02f) * std::sqrt(flat);
    return {rx * std::sin(angle), h - t * (h - cap), rz * std::cos(angle)};
  };
  Mesh mesh;
  mesh.push_back(make_surface(20, 20, printed(art.front, 0.55f),
                              [&](float s, float t) { return ring((2 * s - 1) * 1.45f, t); }));
  mesh.push_back(make_surface(16, 10, plain(p.design.base, 0.5f), [&](float s, float t) {
    return ring(1.45f + s * (2 * kPi - 2.9f), t);
  }));
  const Ring lid[] = {{0, r * 0.8f}, {cap * 0.96f, r * 0.86f}, {cap, r * 0.8f}, {cap, r * 0.3f}};
  mesh.push_back(turned(lid, -kPi, kPi, plain(p.accent, 0.6f)));
  return mesh;
}

}  // namespace

Mesh make_package(const Product& product, const Artwork& artwork) {
  constexpr Mesh (*kMakers[kPackageKinds])(const Product&, const Artwork&) = {
      box, can, bottle, bag, jar, carton, tube};
  return kMakers[static_cast<int>(product.kind)](product, artwork);
}

}  // namespace shoplens
