// SPDX-License-Identifier: Apache-2.0
#include "demo/canvas.h"

#include <numbers>

namespace shoplens {
namespace {

float polygon_distance(float x, float y, const std::vector<Point>& corners) {
  float nearest = 1e9f;
  bool inside = false;
  for (std::size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
    const Point a = corners[i], b = corners[j];
    nearest = std::min(nearest, segment_distance(x, y, a, b));
    if ((a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside ? -nearest : nearest;
}

Area around(Point centre, float radius) {
  return {centre.x - radius, centre.y - radius, centre.x + radius, centre.y + radius};
}

}  // namespace

float segment_distance(float x, float y, Point from, Point to) {
  const float dx = to.x - from.x, dy = to.y - from.y;
  const float length2 = std::max(dx * dx + dy * dy, 1e-12f);
  const float t = std::clamp(((x - from.x) * dx + (y - from.y) * dy) / length2, 0.f, 1.f);
  const float ex = x - from.x - t * dx, ey = y - from.y - t * dy;
  return std::sqrt(ex * ex + ey * ey);
}

float rounded_box_distance(float x, float y, const Area& area, float radius) {
  const float dx = std::max(area.left - x, x - area.right) + radius;
  const float dy = std::max(area.top - y, y - area.bottom) + radius;
  const float ox = std::max(dx, 0.f), oy = std::max(dy, 0.f);
  return std::sqrt(ox * ox + oy * oy) + std::min(std::max(dx, dy), 0.f) - radius;
}

void Canvas::circle(Point centre, float radius, const Vec3& colour, float opacity) {
  const auto distance = [=](float x, float y) {
    return segment_distance(x, y, centre, centre) - radius;
  };
  paint(around(centre, radius), distance, colour, opacity);
}

void Canvas::ring(Point centre, float radius, float thickness, const Vec3& colour) {
  const auto distance = [=](float x, float y) {
    return std::abs(segment_distance(x, y, centre, centre) - radius) - thickness / 2;
  };
  paint(around(centre, radius + thickness), distance, colour);
}

void Canvas::rounded_box(const Area& area, float radius, const Vec3& colour, float opacity) {
  const auto distance = [=](float x, float y) { return rounded_box_distance(x, y, area, radius); };
  paint(area, distance, colour, opacity);
}

void Canvas::line(Point from, Point to, float thickness, const Vec3& colour) {
  const Area area{std::min(from.x, to.x) - thickness, std::min(from.y, to.y) - thickness,
                  std::max(from.x, to.x) + thickness, std::max(from.y, to.y) + thickness};
  const auto distance = [=](float x, float y) {
    return segment_distance(x, y, from, to) - thickness / 2;
  };
  paint(area, distance, colour);
}

void Canvas::polygon(const std::vector<Point>& corners, const Vec3& colour, float opacity) {
  Area area{1e9f, 1e9f, -1e9f, -1e9f};
  for (const Point& p : corners)
    area = {std::min(area.left, p.x), std::min(area.top, p.y), std::max(area.right, p.x),
            std::max(area.bottom, p.y)};
  paint(area, [&](float x, float y) { return polygon_distance(x, y, corners); }, colour, opacity);
}

void Canvas::star(Point centre, float radius, int tips, const Vec3& colour) {
  std::vector<Point> corners;
  for (int i = 0; i < 2 * tips; ++i) {
    const float angle =
        std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(tips);
    const float r = i % 2 ? radius * 0.45f : radius;
    corners.push_back({centre.x + r * std::sin(angle), centre.y - r * std::cos(angle)});
  }
  polygon(corners, colour);
}

Image to_image(const Canvas& canvas) {
  Image image(canvas.width, canvas.height);
  std::uint8_t* out = image.pixels.data();
  for (const Vec3& c : canvas.pixels)
    for (const float channel : {c.x, c.y, c.z})
      *out++ = static_cast<std::uint8_t>(std::clamp(channel, 0.f, 1.f) * 255 + 0.5f);
  return image;
}

}  // namespace shoplens
