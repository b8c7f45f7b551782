// SPDX-License-Identifier: Apache-2.0
// Flat artwork. A shape is its signed distance (negative inside); a pixel's coverage is that
// distance in pixels, so edges are antialiased without supersampling.
#pragma once
#include <vector>

#include "demo/vec3.h"
#include "image/image.h"

namespace shoplens {

struct Point {
  float x = 0, y = 0;
};

/// A region of the canvas, in its units.
struct Area {
  float left, top, right, bottom;
};

/// A picture of float colours, 0 to 1. The unit of length is the height: x runs 0 to aspect(), y 0
/// (top) to 1.
struct Canvas {
  int width, height;
  std::vector<Vec3> pixels;

  Canvas(int width, int height, Vec3 colour)
      : width(width), height(height), pixels(static_cast<std::size_t>(width) * height, colour) {}
  float aspect() const { return static_cast<float>(width) / static_cast<float>(height); }
  Area all() const { return {0, 0, aspect(), 1}; }

  /// Paints `colour(x, y)` where `distance(x, y)` is negative; `area` must hold the shape.
  template <class Distance, class Colour>
  void paint(const Area& area, Distance distance, Colour colour, float opacity = 1) {
    const auto unit_length = static_cast<float>(height);
    const int left = std::clamp(static_cast<int>(area.left * unit_length) - 1, 0, width);
    const int right = std::clamp(static_cast<int>(area.right * unit_length) + 2, 0, width);
    const int top = std::clamp(static_cast<int>(area.top * unit_length) - 1, 0, height);
    const int bottom = std::clamp(static_cast<int>(area.bottom * unit_length) + 2, 0, height);
    for (int row = top; row < bottom; ++row)
      for (int column = left; column < right; ++column) {
        const float x = (static_cast<float>(column) + 0.5f) / unit_length;
        const float y = (static_cast<float>(row) + 0.5f) / unit_length;
        const float coverage = std::clamp(0.5f - distance(x, y) * unit_length, 0.f, 1.f) * opacity;
        if (coverage <= 0) continue;
        Vec3& pixel = pixels[static_cast<std::size_t>(row) * width + column];
        pixel = mix(pixel, colour(x, y), coverage);
      }
  }
  template <class Distance>
  void paint(const Area& area, Distance distance, const Vec3& colour, float opacity = 1) {
    paint(area, distance, [&](float, float) { return colour; }, opacity);
  }

  void circle(Point centre, float radius, const Vec3& colour, float opacity = 1);
  void ring(Point centre, float radius, float thickness, const Vec3& colour);
  void rounded_box(const Area& area, float radius, const Vec3& colour, float opacity = 1);
  void line(Point from, Point to, float thickness, const Vec3& colour);
  void polygon(const std::vector<Point>& corners, const Vec3& colour, float opacity = 1);
  void star(Point centre, float radius, int tips, const Vec3& colour);
};

/// Distance from (x, y) to the stretch between two points.
float segment_distance(float x, float y, Point from, Point to);

/// Distance to an area with rounded corners.
float rounded_box_distance(float x, float y, const Area& area, float radius);

/// The canvas as an 8-bit picture.
Image to_image(const Canvas& canvas);

}  // namespace shoplens
