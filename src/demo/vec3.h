// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

namespace shoplens {

/// A point, a direction or a colour (red, green, blue).
struct Vec3 {
  float x = 0, y = 0, z = 0;
  Vec3 operator+(const Vec3& o) const { return {x + o.x, y + o.y, z + o.z}; }
  Vec3 operator-(const Vec3& o) const { return {x - o.x, y - o.y, z - o.z}; }
  Vec3 operator*(const Vec3& o) const { return {x * o.x, y * o.y, z * o.z}; }
  Vec3 operator*(float s) const { return {x * s, y * s, z * s}; }
};

inline float dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline Vec3 unit(const Vec3& a) { return a * (1 / std::sqrt(std::max(dot(a, a), 1e-20f))); }

/// a where t = 0, b where t = 1.
inline Vec3 mix(const Vec3& a, const Vec3& b, float t) { return a + (b - a) * t; }

/// 0 below `low`, 1 above `high`, a smooth cubic between.
inline float smooth_step(float low, float high, float x) {
  const float t = std::clamp((x - low) / (high - low), 0.f, 1.f);
  return t * t * (3 - 2 * t);
}

/// A colour from hue (turns), saturation and value, each 0 to 1.
inline Vec3 hsv(float hue, float saturation, float value) {
  const auto channel = [&](float turn) {
    const float t = (hue + turn - std::floor(hue + turn)) * 6;
    return value * (1 - saturation * std::clamp(2 - std::abs(t - 2), 0.f, 1.f));
  };
  return {channel(5.f / 6), channel(0.5f), channel(1.f / 6)};
}

/// Perceived brightness, 0 to 1 (Rec. 601).
inline float luma(const Vec3& c) { return 0.299f * c.x + 0.587f * c.y + 0.114f * c.z; }

}  // namespace shoplens
