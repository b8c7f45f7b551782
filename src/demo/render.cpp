// SPDX-License-Identifier: Apache-2.0
#include "demo/render.h"

#include <array>

namespace shoplens {
namespace {

// World to camera space (x right, y up, z forward = depth).
class View {
 public:
  explicit View(const Camera& camera) : camera_(camera) {
    const float sp = std::sin(camera.pitch), cp = std::cos(camera.pitch);
    const float sr = std::sin(camera.roll), cr = std::cos(camera.roll);
    forward_ = {0, -sp, -cp};
    const Vec3 up{0, cp, -sp}, right{1, 0, 0};
    right_ = right * cr + up * sr;
    up_ = up * cr - right * sr;
    eye_ = camera.target - forward_ * camera.distance;
  }
  Vec3 to_camera(const Vec3& p) const {
    const Vec3 d = p - eye_;
    return {dot(d, right_), dot(d, up_), dot(d, forward_)};
  }
  // Frame coordinates: 0 to 1, y down.
  float screen_x(const Vec3& c) const { return camera_.centre_x + camera_.focal * c.x / c.z; }
  float screen_y(const Vec3& c) const { return camera_.centre_y - camera_.focal * c.y / c.z; }
  Vec3 ray(float x, float y) const {
    return right_ * ((x - camera_.centre_x) / camera_.focal) -
           up_ * ((y - camera_.centre_y) / camera_.focal) + forward_;
  }
  const Vec3& eye() const { return eye_; }

 private:
  Camera camera_;
  Vec3 forward_, right_, up_, eye_;
};

// Bilinear, in linear light.
Vec3 sample(const Image& texture, float u, float v) {
  static const std::array<float, 256> kLinear = [] {
    std::array<float, 256> table{};
    for (int i = 0; i < 256; ++i)
      table[static_cast<std::size_t>(i)] = static_cast<float>(i * i) / (255.f * 255.f);
    return table;
  }();
  const float x = std::clamp(u * static_cast<float>(texture.width) - 0.5f, 0.f,
                             static_cast<float>(texture.width) - 1.001f);
  const float y = std::clamp(v * static_cast<float>(texture.height) - 0.5f, 0.f,
                             static_cast<float>(texture.height) - 1.001f);
  const int column = static_cast<int>(x), row = static_cast<int>(y);
  const float fx = x - static_cast<float>(column), fy = y - static_cast<float>(row);
  const std::uint8_t *a = texture.row(row) + 3 * column, *b = texture.row(row + 1) + 3 * column;
  const auto colour = [&](const std::uint8_t* p) -> Vec3 {
    return {kLinear[p[0]], kLinear[p[1]], kLinear[p[2]]};
  };
  return mix(mix(colour(a), colour(a + 3), fx), mix(colour(b), colour(b + 3), fx), fy);
}

// How much light the things standing around leave on the ground at (x, z): a soft contact shadow,
// longer away from the key light.
float ground_light(const Scene& scene, float x, float z) {
  const auto outside2 = [](const Footprint& f, float px,
                           float pz) {  // squared distance to the footprint
    const float dx = std::max(std::abs(px - f.x) - f.half_width, 0.f);
    const float dz = std::max(std::abs(pz - f.z) - f.half_depth, 0.f);
    return dx * dx + dz * dz;
  };
  float light = 1;
  for (const Footprint& f : scene.footprints) {
    const float lean =
        0.35f * f.half_width;  // the cast part, moved to the side away from the light
    const float near2 = outside2(f, x, z);
    const float cast2 =
        outside2(f, x + scene.lighting.direction.x * lean, z + scene.lighting.direction.z * lean);
    light *= 1 - 0.5f / (1 + 160 * near2) - 0.28f / (1 + 12 * cast2);
  }
  return light;
}

// What a mirror sees in direction r: a dim room with two upright lamps and a bright ceiling.
float room(const Lighting& lighting, const Vec3& r) {
  const float left = smooth_step(0.16f, 0.04f, std::abs(r.x + lighting.lamp + 0.25f));
  const float right = smooth_step(0.1f, 0.02f, std::abs(r.x - lighting.lamp - 0.4f));
  const float front = smooth_step(-0.2f, 0.3f, r.z);
  return 0.12f + front * (0.85f * left + 0.45f * right) + 0.5f * smooth_step(0.5f, 0.9f, r.y);
}

// A point of a surface.
struct Spot {
  Vec3 position, normal;
};

// The light that `albedo` at `spot` sends to `eye`.
Vec3 lit(const Scene& scene, const Material& material, Vec3 albedo, const Spot& spot,
         const Vec3& eye) {
  const Lighting& l = scene.lighting;
  if (material.ground) albedo = albedo * ground_light(scene, spot.position.x, spot.position.z);
  const Vec3 view = unit(eye - spot.position), normal = unit(spot.normal);
  const Vec3 n = dot(normal, view) < 0 ? normal * -1 : normal;
  const float diffuse = std::max(dot(n, l.direction), 0.f);
  const Vec3 light = l.key * diffuse + mix(l.floor, l.sky, n.y * 0.5f + 0.5f);
  if (material.gloss <= 0) return albedo * light;
  const Vec3 mirrored = n * (2 * dot(n, view)) - view;
  const float facing = 1 - std::clamp(dot(n, view), 0.f, 1.f);
  const float fresnel = 0.06f + 0.5f * facing * facing * facing;
  const float reflectance = fresnel + (1 - fresnel) * material.metal;
  float highlight = std::max(dot(mirrored, l.direction), 0.f);
  for (int i = 0; i < 5; ++i) highlight *= highlight;  // ^32
  const Vec3 body = albedo * light * (1 - 0.75f * material.metal);
  const Vec3 mirror = mix({1, 1, 1}, albedo, material.metal) * (room(l, mirrored) * reflectance);
  return body + (mirror + l.key * (highlight * 0.3f)) * material.gloss;
}

struct Corner {
  float x, y, inverse_depth;  // pixels; 1 / z
  const Vertex* vertex;
};

// A triangle on the screen.
struct Face {
  const Material* material;
  Corner a, b, c;
  float scale;  // 1 / twice the area

  // Shares of the corners at (x, y), before the division by depth; one is negative outside.
  Vec3 shares(float x, float y) const {
    const float wa = ((b.x - x) * (c.y - y) - (c.x - x) * (b.y - y)) * scale;
    const float wb = ((c.x - x) * (a.y - y) - (a.x - x) * (c.y - y)) * scale;
    return {wa, wb, 1 - wa - wb};
  }
  float inverse_depth(const Vec3& w) const {
    return w.x * a.inverse_depth + w.y * b.inverse_depth + w.z * c.inverse_depth;
  }
  Vec3 in_perspective(const Vec3& w) const {
    const float z = 1 / inverse_depth(w);
    return {w.x * a.inverse_depth * z, w.y * b.inverse_depth * z, w.z * c.inverse_depth * z};
  }
  Vec3 albedo(float x, float y) const {
    if (!material->texture) return material->colour * material->colour;
    const Vec3 k = in_perspective(shares(x, y));
    const Vertex &p = *a.vertex, &q = *b.vertex, &r = *c.vertex;
    return sample(*material->texture, p.u * k.x + q.u * k.y + r.u * k.z,
                  p.v * k.x + q.v * k.y + r.v * k.z);
  }
  Spot spot(float x, float y) const {
    const Vec3 k = in_perspective(shares(x, y));
    const Vertex &p = *a.vertex, &q = *b.vertex, &r = *c.vertex;
    return {p.position * k.x + q.position * k.y + r.position * k.z,
            p.normal * k.x + q.normal * k.y + r.normal * k.z};
  }
};

// Finds which face every sample sees; colours come after, for what is seen only.
class Rasteriser {
 public:
  Rasteriser(const View& view, int side)
      : view_(view),
        side_(side),
        depth_(static_cast<std::size_t>(side) * side, 0.f),
        seen_(depth_.size(), -1) {}

  void draw(const Part& part) {
    std::vector<Corner> corners;
    const auto side = static_cast<float>(side_);
    for (const Vertex& v : part.vertices) {
      const Vec3 c = view_.to_camera(v.position);
      const float z = std::max(c.z, 0.05f);
      corners.push_back(
          {view_.screen_x({c.x, c.y, z}) * side, view_.screen_y({c.x, c.y, z}) * side, 1 / z, &v});
    }
    for (const auto& t : part.triangles)
      triangle(part.material, corners[t[0]], corners[t[1]], corners[t[2]]);
  }

  // nullptr where nothing is.
  const Face* face(int column, int row) const {
    const int index = seen_[static_cast<std::size_t>(row) * side_ + column];
    return index < 0 ? nullptr : &faces_[static_cast<std::size_t>(index)];
  }

 private:
  void triangle(const Material& material, const Corner& a, const Corner& b, const Corner& c) {
    const float area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
    if (std::abs(area) < 1e-6f) return;
    const Face face{&material, a, b, c, 1 / area};
    const auto clip = [&](float v) {
      return static_cast<int>(std::clamp(v, 0.f, static_cast<float>(side_)));
    };
    const int left = clip(std::min({a.x, b.x, c.x})), right = clip(std::max({a.x, b.x, c.x}) + 1);
    const int top = clip(std::min({a.y, b.y, c.y})), bottom = clip(std::max({a.y, b.y, c.y}) + 1);
    if (left >= right || top >= bottom) return;
    const int index = static_cast<int>(faces_.size());
    faces_.push_back(face);
    for (int row = top; row < bottom; ++row)
      for (int column = left; column < right; ++column) {
        const Vec3 w =
            face.shares(static_cast<float>(column) + 0.5f, static_cast<float>(row) + 0.5f);
        if (w.x < 0 || w.y < 0 || w.z < 0) continue;
        const float inverse = face.inverse_depth(w);
        const std::size_t at = static_cast<std::size_t>(row) * side_ + column;
        if (inverse <= depth_[at]) continue;
        depth_[at] = inverse;
        seen_[at] = index;
      }
  }

  const View& view_;
  int side_;
  std::vector<float> depth_;  // 1 / z, 0 where nothing is
  std::vector<int> seen_;     // index of the nearest face, -1 where nothing is
  std::vector<Face> faces_;
};

Vec3 backdrop(const Scene& scene, const View& view, float x, float y) {
  const Vec3 colour = mix(scene.backdrop_top, scene.backdrop_bottom, std::clamp(y, 0.f, 1.f));
  const Vec3 ray = view.ray(x, y);
  if (!scene.floor || ray.y >= -1e-3f) return colour;
  const float t = -view.eye().y / ray.y;
  return colour * ground_light(scene, view.eye().x + ray.x * t, view.eye().z + ray.z * t);
}

}  // namespace

void frame_camera(Camera& camera, const Mesh& mesh, float fill, float x, float y) {
  camera.focal = 1;
  camera.centre_x = camera.centre_y = 0;
  const View view(camera);
  float left = 1e9f, right = -1e9f, top = 1e9f, bottom = -1e9f;
  for (const Part& part : mesh)
    for (const Vertex& v : part.vertices) {
      const Vec3 c = view.to_camera(v.position);
      left = std::min(left, view.screen_x(c)), right = std::max(right, view.screen_x(c));
      top = std::min(top, view.screen_y(c)), bottom = std::max(bottom, view.screen_y(c));
    }
  camera.focal = fill / std::max(right - left, bottom - top);
  camera.centre_x = x - camera.focal * (left + right) / 2;
  camera.centre_y = y - camera.focal * (top + bottom) / 2;
}

Canvas render(const Scene& scene, const Camera& camera, int size) {
  constexpr int kSide = 2, kSamples = kSide * kSide;  // samples of a pixel
  const View view(camera);
  Rasteriser raster(view, size * kSide);
  for (const Mesh& mesh : scene.meshes)
    for (const Part& part : mesh) raster.draw(part);

  // Within one material the light hardly changes over a pixel, so it is found once; the print is
  // sampled each time.
  const auto pixel = [&](int column, int row) {
    Vec3 sum, albedo;
    int empty = 0;
    const Face* last = nullptr;
    float pending = 0;  // samples in `albedo` that wait for light
    float last_x = 0, last_y = 0;
    const auto light_up = [&] {
      if (last && pending > 0)
        sum = sum + lit(scene, *last->material, albedo * (1 / pending), last->spot(last_x, last_y),
                        view.eye()) *
                        pending;
      albedo = {};
      pending = 0;
    };
    for (int i = 0; i < kSamples; ++i) {
      const int sx = column * kSide + i % kSide, sy = row * kSide + i / kSide;
      const float x = static_cast<float>(sx) + 0.5f, y = static_cast<float>(sy) + 0.5f;
      const Face* face = raster.face(sx, sy);
      if (!face || !last || face->material != last->material) light_up();
      if (face) {
        albedo = albedo + face->albedo(x, y);
        pending += 1;
        last_x = x, last_y = y;
      } else {
        ++empty;
      }
      last = face;
    }
    light_up();
    if (empty > 0) {
      const float x = (static_cast<float>(column) + 0.5f) / static_cast<float>(size);
      const float y = (static_cast<float>(row) + 0.5f) / static_cast<float>(size);
      sum = sum + backdrop(scene, view, x, y) * static_cast<float>(empty);
    }
    return sum * (1.f / kSamples);
  };
  Canvas frame(size, size, {});
  for (int row = 0; row < size; ++row)
    for (int column = 0; column < size; ++column)
      frame.pixels[static_cast<std::size_t>(row) * size + column] = pixel(column, row);
  return frame;
}

}  // namespace shoplens
