// SPDX-License-Identifier: Apache-2.0
#include "demo/occlusion.h"

#include <string>

#include "demo/stroke_font.h"

namespace shoplens {

Image promotion_card(Random& random) {
  const bool red = random.chance(0.5);
  const Vec3 paper = red ? Vec3{0.86f, 0.1f, 0.12f} : Vec3{1, 0.85f, 0.1f};
  const Vec3 ink = red ? Vec3{1, 1, 1} : Vec3{0.8f, 0.08f, 0.1f};
  Canvas card(96, 96, paper);
  TextStyle style;
  style.weight = 0.22f;
  const std::string words[] = {"-20%", "NEW", "SALE", "2 FOR 1", "-35%"};
  draw_text(card, words[random.integer(0, 4)], {0.5f, 0.4f}, 0.36f, 0.84f, style, ink);
  card.rounded_box({0.12f, 0.7f, 0.88f, 0.76f}, 0.02f, ink);
  card.rounded_box({0.24f, 0.82f, 0.76f, 0.87f}, 0.02f, ink);
  return to_image(card);
}

Mesh hanging_card(const Image& card, const Product& product, float z, Random& random) {
  const auto side = static_cast<float>(random.uniform(0.28, 0.42)) * product.width;
  const auto x = static_cast<float>(random.uniform(-0.55, 0.55)) * product.width;
  const auto y = static_cast<float>(random.uniform(-0.05, 0.3)) * product.height;
  return {make_quad({x - side, y + side, z}, {x + side, y + side, z},
                    {x + side, y - side, z + 0.05f}, {x - side, y - side, z + 0.05f},
                    Material{&card, {}, 0.25f})};
}

void draw_hand(Canvas& light, Random& random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  const Vec3 skin = mix(Vec3{0.75f, 0.48f, 0.36f}, Vec3{0.2f, 0.1f, 0.06f}, real(0, 1));  // linear
  const bool left = random.chance(0.5);
  const float thickness = real(0.075, 0.1), slope = real(-0.25, 0.25), start = real(0.45, 0.75);
  const float edge = left ? -0.25f : 1.25f, sign = left ? 1.f : -1.f;
  for (int finger = 3; finger >= 0; --finger) {
    const float y = start + (static_cast<float>(finger) - 1.5f) * thickness * 0.95f;
    const float reach = real(0.1, 0.16) + (finger == 1 || finger == 2 ? 0.06f : 0);
    const Point from{edge, y + slope * 0.6f}, to{left ? reach : 1 - reach, y};
    const float radius = thickness / 2;
    const auto distance = [=](float px, float py) {
      return segment_distance(px, py, from, to) - radius;
    };
    const auto colour = [=](float px, float py) {  // round: dark at the rim, lit from above
      const float across = segment_distance(px, py, from, to) / radius;
      return skin *
             (1.05f - 0.5f * across * across + 0.25f * std::clamp((to.y - py) / radius, -1.f, 1.f));
    };
    light.paint({-0.3f, 0, 1.3f, 1}, distance, colour);
    const Point nail{to.x + sign * radius * 0.3f, to.y - radius * 0.2f};
    light.line({nail.x - sign * radius * 0.35f, nail.y}, nail, radius * 0.85f,
               mix(skin, {0.9f, 0.7f, 0.65f}, 0.45f));
  }
}

void draw_glare(Canvas& light, Random& random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.uniform(low, high));
  };
  const Point centre{real(0.2, 0.8), real(0.1, 0.7)};
  const float width = real(0.06, 0.2), height = real(0.06, 0.3), strength = real(0.25, 0.8);
  const int rows = light.height;
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < light.width; ++column) {
      const float x = (static_cast<float>(column) / static_cast<float>(rows) - centre.x) / width;
      const float y = (static_cast<float>(row) / static_cast<float>(rows) - centre.y) / height;
      Vec3& pixel = light.pixels[static_cast<std::size_t>(row) * light.width + column];
      const float far = 1 + x * x + y * y;
      pixel = pixel + Vec3{1, 1, 0.97f} * (strength / (far * far * far));
    }
}

}  // namespace shoplens
