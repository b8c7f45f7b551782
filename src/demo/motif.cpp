// SPDX-License-Identifier: Apache-2.0
#include "demo/motif.h"

#include <cmath>
#include <numbers>

namespace shoplens {
namespace {

constexpr Vec3 kGreen{0.24f, 0.52f, 0.18f}, kStalk{0.32f, 0.22f, 0.12f};
constexpr float kPi = std::numbers::pi_v<float>;

// A motif's own frame: x right, y down, 1 is the radius.
struct Frame {
  Canvas& canvas;
  Point centre;
  float radius, sine, cosine;
  Point at(float x, float y) const {
    return {centre.x + radius * (cosine * x - sine * y),
            centre.y + radius * (sine * x + cosine * y)};
  }
};

// A ball lit from the upper left: darker towards the rim, with a small highlight.
void ball(const Frame& f, float x, float y, float r, const Vec3& colour) {
  const Point c = f.at(x, y);
  const float radius = r * f.radius;
  f.canvas.paint(
      {c.x - radius, c.y - radius, c.x + radius, c.y + radius},
      [=](float px, float py) { return segment_distance(px, py, c, c) - radius; },
      [=](float px, float py) {
        const float u = (px - c.x) / radius + 0.35f, v = (py - c.y) / radius + 0.35f;
        return mix(mix(colour, {1, 1, 1}, 0.22f), colour * 0.55f,
                   std::min((u * u + v * v) * 0.42f, 1.f));
      });
  f.canvas.circle({c.x - radius * 0.36f, c.y - radius * 0.4f}, radius * 0.17f, {1, 1, 1}, 0.75f);
}

// Two circle arcs that meet in tips at (x, y) and (x2, y2).
void leaf(const Frame& f, float x, float y, float x2, float y2, float width, const Vec3& colour) {
  std::vector<Point> corners;
  const float dx = x2 - x, dy = y2 - y;
  for (int side = 0; side < 2; ++side)
    for (int i = 0; i < 8; ++i) {
      const float t = side ? 1 - static_cast<float>(i) / 8 : static_cast<float>(i) / 8;
      const float out = (side ? -1.f : 1.f) * width * std::sin(kPi * t);
      corners.push_back(f.at(x + dx * t - dy * out, y + dy * t + dx * out));
    }
  f.canvas.polygon(corners, colour);
  f.canvas.line(f.at(x, y), f.at(x + dx * 0.85f, y + dy * 0.85f), 0.04f * f.radius, colour * 0.7f);
}

void fruit(const Frame& f, const Vec3& colour) {
  f.canvas.line(f.at(0.05f, -0.5f), f.at(0.16f, -1), 0.1f * f.radius, kStalk);
  leaf(f, 0.1f, -0.72f, 0.85f, -0.95f, 0.25f, kGreen);
  ball(f, 0, 0.15f, 0.82f, colour);
}

void berries(const Frame& f, const Vec3& colour) {
  leaf(f, 0, -0.4f, -0.8f, -0.8f, 0.25f, kGreen);
  leaf(f, 0, -0.4f, 0.75f, -0.85f, 0.25f, kGreen);
  ball(f, -0.45f, -0.05f, 0.42f, colour);
  ball(f, 0.45f, -0.05f, 0.42f, colour * 0.92f);
  ball(f, 0, 0.48f, 0.46f, colour);
}

void citrus(const Frame& f, const Vec3& colour) {
  f.canvas.circle(f.at(0, 0), f.radius * 0.95f, colour);
  f.canvas.circle(f.at(0, 0), f.radius * 0.83f, {0.99f, 0.97f, 0.88f});
  for (int i = 0; i < 8; ++i) {
    const float a = kPi / 4 * static_cast<float>(i), b = a + kPi / 4, m = (a + b) / 2;
    const auto corner = [&](float angle, float r) {
      return f.at(0.08f * std::cos(m) + r * std::cos(angle),
                  0.08f * std::sin(m) + r * std::sin(angle));
    };
    f.canvas.polygon(
        {corner(m, 0), corner(a + 0.07f, 0.68f), corner(m, 0.72f), corner(b - 0.07f, 0.68f)},
        mix(colour, {1, 1, 1}, 0.12f));
  }
}

void leaves(const Frame& f, const Vec3& colour) {
  leaf(f, 0, 0.85f, 0, -0.95f, 0.25f, colour);
  leaf(f, 0, 0.8f, -0.9f, -0.2f, 0.28f, colour * 0.85f);
  leaf(f, 0, 0.8f, 0.9f, -0.2f, 0.28f, mix(colour, {1, 1, 1}, 0.15f));
}

void nut(const Frame& f, const Vec3& colour) {
  ball(f, 0, 0.1f, 0.75f, colour);
  leaf(f, -0.78f, -0.15f, 0.78f, -0.15f, 0.3f, mix(colour, {1, 0.95f, 0.8f}, 0.5f));
  for (int i = -1; i < 2; ++i)
    f.canvas.line(f.at(0.3f * static_cast<float>(i), 0.2f),
                  f.at(0.2f * static_cast<float>(i), 0.7f), 0.04f * f.radius, colour * 0.6f);
}

void chili(const Frame& f, const Vec3& colour) {
  const Point bow[] = {
      {-0.55f, -0.6f}, {-0.45f, -0.1f}, {-0.1f, 0.35f}, {0.35f, 0.65f}, {0.9f, 0.75f}};
  for (int i = 0; i < 4; ++i)
    for (int step = 0; step < 6; ++step) {
      const float t = static_cast<float>(step) / 6, along = (static_cast<float>(i) + t) / 4;
      const float x = bow[i].x + (bow[i + 1].x - bow[i].x) * t,
                  y = bow[i].y + (bow[i + 1].y - bow[i].y) * t;
      f.canvas.circle(f.at(x, y), f.radius * (0.3f - 0.26f * along), colour);
    }
  f.canvas.line(f.at(-0.45f, -0.45f), f.at(-0.2f, 0.05f), 0.07f * f.radius,
                mix(colour, {1, 1, 1}, 0.6f));
  f.canvas.line(f.at(-0.6f, -0.75f), f.at(-0.75f, -1), 0.13f * f.radius, kGreen);
  f.canvas.circle(f.at(-0.58f, -0.72f), f.radius * 0.24f, kGreen);
}

void grain(const Frame& f, const Vec3& colour) {
  f.canvas.line(f.at(0, 1), f.at(0, -0.6f), 0.07f * f.radius, colour * 0.7f);
  leaf(f, 0, -0.45f, 0, -1, 0.3f, colour);
  for (int i = 0; i < 4; ++i) {
    const float y = 0.7f - 0.36f * static_cast<float>(i);
    leaf(f, 0, y, -0.5f, y - 0.42f, 0.28f, colour);
    leaf(f, 0, y, 0.5f, y - 0.42f, 0.28f, mix(colour, {1, 1, 1}, 0.2f));
  }
}

void drop(const Frame& f, const Vec3& colour) {
  ball(f, 0, 0.3f, 0.65f, colour);
  std::vector<Point> tip{f.at(0, -1), f.at(0.58f, 0.02f), f.at(0, 0.3f), f.at(-0.58f, 0.02f)};
  f.canvas.polygon(tip, colour);
  ball(f, 0, 0.33f, 0.6f, colour);
}

}  // namespace

void draw_motif(Canvas& canvas, Motif motif, Point centre, float radius, float tilt,
                const Vec3& colour) {
  const Frame f{canvas, centre, radius, std::sin(tilt), std::cos(tilt)};
  switch (motif) {
    case Motif::kFruit:
      return fruit(f, colour);
    case Motif::kBerries:
      return berries(f, colour);
    case Motif::kCitrus:
      return citrus(f, colour);
    case Motif::kLeaf:
      return leaves(f, colour);
    case Motif::kNut:
      return nut(f, colour);
    case Motif::kChili:
      return chili(f, colour);
    case Motif::kGrain:
      return grain(f, colour);
    case Motif::kDrop:
      return drop(f, colour);
    case Motif::kStar:
      return canvas.star(centre, radius * 0.9f, 5, colour);
  }
}

}  // namespace shoplens
