// SPDX-License-Identifier: Apache-2.0
#include "demo/artwork.h"

#include <cmath>
#include <numbers>
#include <string>

#include "core/random.h"
#include "demo/canvas.h"
#include "demo/motif.h"
#include "demo/stroke_font.h"

namespace shoplens {
namespace {

constexpr Vec3 kWhite{0.98f, 0.98f, 0.97f};

// Text on `ground`: the first colour when it stands out, else white or near black.
Vec3 readable(const Vec3& wanted, const Vec3& ground) {
  if (std::abs(luma(wanted) - luma(ground)) > 0.45f) return wanted;
  return luma(ground) > 0.55f ? Vec3{0.1f, 0.09f, 0.12f} : kWhite;
}

// The pieces that every layout puts in its own places.
class FrontPainter {
 public:
  FrontPainter(const Product& product, Canvas& canvas)
      : product(product),
        design(product.design),
        canvas(canvas),
        w(canvas.aspect()),
        room(product.kind == PackageKind::kTube ? 0.7f
             : product.width == product.depth   ? 0.86f
                                                : 1.f) {
    style.weight = design.weight;
    style.slant = design.slant;
    style.stretch = design.stretch;
  }

  void gradient(const Vec3& top, const Vec3& bottom) {
    canvas.paint(
        canvas.all(), [](float, float) { return -1.f; },
        [&](float, float y) { return mix(top, bottom, y); });
  }
  void brand(float y, float height, const Vec3& ground, float width = 0.86f) {
    const Vec3 colour = readable(luma(ground) > 0.6f ? design.base : design.paper, ground);
    draw_text(canvas, product.brand, {w / 2 + 0.006f, y + 0.008f}, height, w * width * room, style,
              ground * 0.55f);
    draw_text(canvas, product.brand, {w / 2, y}, height, w * width * room, style, colour);
  }
  void type(float y, float height, const Vec3& ground) {
    TextStyle plain;
    plain.weight = 0.13f;
    draw_text(canvas, product.type, {w / 2, y}, height, w * 0.8f * room, plain,
              readable(design.ink, ground));
  }
  void pill(float y, float height) {
    TextStyle plain;
    plain.weight = 0.15f;
    const float text =
        std::min(height * 0.52f, w * 0.76f * room / text_width(product.flavour, plain));
    const float half = text_width(product.flavour, plain) * text / 2 + height * 0.3f;
    canvas.rounded_box({w / 2 - half, y - height / 2, w / 2 + half, y + height / 2},
                       height * 0.5f * design.round, product.accent);
    draw_text(canvas, product.flavour, {w / 2, y}, text, w * 0.8f, plain,
              readable(kWhite, product.accent));
  }
  void band(float y, float height) {
    TextStyle plain;
    plain.weight = 0.15f;
    canvas.rounded_box({-1, y - height / 2, w + 1, y + height / 2}, 0, product.accent);
    draw_text(canvas, product.flavour, {w / 2, y}, height * 0.55f, w * 0.84f * room, plain,
              readable(kWhite, product.accent));
  }
  void size(const Vec3& ground) {
    TextStyle plain;
    plain.weight = 0.14f;
    draw_text(canvas, product.size, {w * (0.5f + 0.3f * room), 0.955f}, 0.04f, w * 0.3f, plain,
              readable(design.ink, ground));
    for (int i = 0; i < 3; ++i)  // fine print
      canvas.rounded_box(
          {w * 0.08f, 0.935f + 0.014f * static_cast<float>(i),
           w * (0.4f - 0.07f * static_cast<float>(i % 2)), 0.941f + 0.014f * static_cast<float>(i)},
          0, readable(design.ink, ground), 0.6f);
  }
  void motifs(Point centre, float radius) {
    const int count = design.motifs;
    for (int i = 0; i < count; ++i) {
      const float offset = static_cast<float>(i) - static_cast<float>(count - 1) / 2;
      const float scale = count == 1 ? 1.f : i == count / 2 ? 0.8f : 0.62f;
      draw_motif(canvas, product.motif,
                 {centre.x + offset * radius * 1.05f, centre.y + std::abs(offset) * radius * 0.25f},
                 radius * scale, design.tilt + offset * 0.5f, product.accent);
    }
  }

  const Product& product;
  const Design& design;
  Canvas& canvas;
  float w;     // the front's width; its height is 1
  float room;  // share of it that text may take: a tube curves away early
  TextStyle style;
};

void swoosh(FrontPainter& p) {
  const Design& d = p.design;
  p.gradient(d.base, d.base * 0.72f);
  const float x = p.w * (0.5f + 0.5f * d.tilt), radius = 0.62f + 0.3f * p.w;
  const Point centre{x, 0.44f + radius};
  p.canvas.circle({centre.x - 0.03f, centre.y - 0.05f}, radius, p.product.accent);
  p.canvas.circle({centre.x, centre.y - 0.02f}, radius, d.second);
  p.canvas.circle(centre, radius, d.paper);
  p.brand(0.17f, 0.17f, d.base);
  p.type(0.325f, 0.06f, d.base);
  p.motifs({p.w / 2, 0.68f}, std::min(0.15f, p.w * 0.2f));
  p.pill(0.87f, 0.085f);
  p.size(d.paper);
}

void badge(FrontPainter& p) {
  const Design& d = p.design;
  p.gradient(d.base * 1.06f, d.base * 0.8f);
  const int stripes = 9;
  for (int i = 0; i < stripes; i += 2) {
    const float step = p.w / stripes;
    p.canvas.rounded_box({step * static_cast<float>(i), 0, step * static_cast<float>(i + 1), 1}, 0,
                         d.second, 0.18f);
  }
  const float radius = std::min(p.w * 0.43f, 0.27f);
  const Point centre{p.w / 2, 0.34f};
  p.canvas.circle(centre, radius, d.second);
  p.canvas.circle(centre, radius * 0.94f, d.paper);
  p.canvas.ring(centre, radius * 0.86f, 0.008f, p.product.accent);
  draw_text(p.canvas, p.product.brand, {centre.x, centre.y - radius * 0.18f}, radius * 0.5f,
            radius * 1.5f, p.style, readable(d.base, d.paper));
  TextStyle plain;
  draw_text(p.canvas, p.product.type, {centre.x, centre.y + radius * 0.3f}, radius * 0.2f,
            radius * 1.3f, plain, d.ink);
  p.canvas.star({centre.x, centre.y + radius * 0.63f}, radius * 0.12f, 5, p.product.accent);
  p.motifs({p.w / 2, 0.735f}, std::min(0.1f, p.w * 0.17f));
  p.band(0.885f, 0.085f);
  p.size(d.base * 0.8f);
}

void stripes(FrontPainter& p) {
  const Design& d = p.design;
  p.gradient(d.paper, d.paper * 0.95f);
  p.canvas.rounded_box({-1, -1, p.w + 1, 0.36f}, 0, d.base);
  const float lean = 0.4f * d.tilt;
  for (int i = 0; i < 3; ++i) {
    const float y = 0.37f + 0.035f * static_cast<float>(i);
    p.canvas.polygon({{0, y + lean * 0.2f},
                      {p.w, y - lean * 0.2f},
                      {p.w, y + 0.022f - lean * 0.2f},
                      {0, y + 0.022f + lean * 0.2f}},
                     i == 1 ? d.second : p.product.accent);
  }
  p.brand(0.18f, 0.19f, d.base);
  p.type(0.535f, 0.07f, d.paper);
  p.motifs({p.w / 2, 0.705f}, std::min(0.125f, p.w * 0.2f));
  p.pill(0.87f, 0.08f);
  p.size(d.paper);
}

void arch(FrontPainter& p) {
  const Design& d = p.design;
  p.gradient(d.paper, d.paper * 0.96f);
  const float half = p.w * 0.4f;
  p.canvas.rounded_box({p.w / 2 - half - 0.02f, 0.36f, p.w / 2 + half + 0.02f, 1.6f}, half,
                       d.second);
  p.canvas.rounded_box({p.w / 2 - half, 0.385f, p.w / 2 + half, 1.6f}, half, d.base);
  p.brand(0.15f, 0.17f, d.paper);
  p.type(0.295f, 0.055f, d.paper);
  p.canvas.circle({p.w / 2, 0.62f}, std::min(0.17f, p.w * 0.31f), d.paper, 0.92f);
  p.motifs({p.w / 2, 0.62f}, std::min(0.105f, p.w * 0.18f));
  p.pill(0.85f, 0.08f);
  p.size(d.base);
}

void burst(FrontPainter& p) {
  const Design& d = p.design;
  p.gradient(d.base, d.base);
  const Point centre{p.w / 2, 0.6f};
  const int rays = 14 + 4 * d.motifs;
  for (int i = 0; i < rays; ++i) {
    const float a =
        2 * std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(rays);
    const float b = a + std::numbers::pi_v<float> / static_cast<float>(rays);
    p.canvas.polygon({centre,
                      {centre.x + 2 * std::cos(a), centre.y + 2 * std::sin(a)},
                      {centre.x + 2 * std::cos(b), centre.y + 2 * std::sin(b)}},
                     d.second, 0.55f);
  }
  p.canvas.circle(centre, std::min(0.2f, p.w * 0.36f), d.paper);
  p.motifs(centre, std::min(0.13f, p.w * 0.21f));
  const float lean = 0.06f * d.tilt;
  p.canvas.polygon({{0, 0.09f + lean}, {p.w, 0.09f - lean}, {p.w, 0.31f - lean}, {0, 0.31f + lean}},
                   d.paper);
  p.canvas.polygon({{0, 0.3f + lean}, {p.w, 0.3f - lean}, {p.w, 0.325f - lean}, {0, 0.325f + lean}},
                   p.product.accent);
  p.brand(0.2f, 0.15f, d.paper);
  p.type(0.375f, 0.05f, d.base);
  p.band(0.87f, 0.09f);
  p.size(d.base);
}

void waves(FrontPainter& p) {
  const Design& d = p.design;
  p.gradient(mix(d.second, kWhite, 0.25f), d.second);
  const Vec3 colours[] = {p.product.accent, d.paper, d.base};
  for (int i = 0; i < 3; ++i) {
    const float y0 = 0.48f + 0.045f * static_cast<float>(i),
                phase = d.tilt * 6 + 0.5f * static_cast<float>(i);
    const auto distance = [=, w = p.w](float x, float y) {
      return (y0 + 0.045f * std::sin(phase + 5.5f * x / w) - y) * 0.95f;
    };
    p.canvas.paint({0, 0.3f, p.w, 1}, distance, colours[i]);
  }
  p.brand(0.17f, 0.18f, d.second);
  p.type(0.325f, 0.06f, d.second);
  p.canvas.circle({p.w / 2, 0.715f}, std::min(0.135f, p.w * 0.3f), mix(d.base, kWhite, 0.85f));
  p.motifs({p.w / 2, 0.715f}, std::min(0.085f, p.w * 0.16f));
  p.pill(0.885f, 0.075f);
  p.size(d.base);
}

// Brand, lines of small print and a bar code, as the sides and backs of packages have.
void side(const Product& product, Canvas& canvas) {
  const Design& d = product.design;
  const float w = canvas.aspect();
  const bool light = d.layout == Layout::kStripes || d.layout == Layout::kArch;
  const Vec3 ground = light ? d.paper : d.layout == Layout::kWaves ? d.second : d.base;
  canvas = Canvas(canvas.width, canvas.height, ground * 0.94f);
  canvas.rounded_box({-1, 0, w + 1, 0.1f}, 0, product.accent);
  TextStyle style;
  style.stretch = d.stretch;
  draw_text(canvas, product.brand, {w / 2, 0.2f}, 0.09f, w * 0.8f, style,
            readable(d.paper, ground));
  Random random{product.seed, 0x51DE};
  for (int i = 0; i < 14; ++i) {
    const float y = 0.32f + 0.026f * static_cast<float>(i);
    const auto right = static_cast<float>(random.uniform(0.5, 0.9));
    canvas.rounded_box({w * 0.1f, y, w * right, y + 0.01f}, 0, readable(d.ink, ground), 0.7f);
  }
  canvas.rounded_box({w * 0.2f, 0.75f, w * 0.8f, 0.92f}, 0, kWhite);
  for (float x = 0.25f; x < 0.74f;) {
    const auto bar = static_cast<float>(random.uniform(0.012, 0.035));
    canvas.rounded_box({w * x, 0.77f, w * (x + bar), 0.9f}, 0, {0.08f, 0.08f, 0.08f});
    x += bar + static_cast<float>(random.uniform(0.012, 0.03));
  }
}

}  // namespace

PrintedArea printed_area(const Product& p) {
  constexpr float kArc = 1.3f;  // half angle of a round package's front, radians
  switch (p.kind) {
    case PackageKind::kCan:
      return {0.05f, 0.95f, p.width * kArc / (p.height * 0.9f)};
    case PackageKind::kBottle:
      return {0.1f, 0.58f, p.width * kArc / (p.height * 0.48f)};
    case PackageKind::kJar:
      return {0.1f, 0.68f, p.width * kArc / (p.height * 0.58f)};
    case PackageKind::kTube:
      return {0.2f, 1, p.width * 1.25f / (p.height * 0.8f)};
    case PackageKind::kCarton:
      return {0, 0.8f, p.width / (p.height * 0.8f)};
    default:
      return {0, 1, p.width / p.height};
  }
}

Artwork draw_artwork(const Product& product, int height) {
  constexpr void (*kPainters[kLayouts])(FrontPainter&) = {swoosh, badge, stripes,
                                                          arch,   burst, waves};
  const float aspect = printed_area(product).aspect;
  Canvas front(std::max(16, static_cast<int>(aspect * static_cast<float>(height))), height,
               product.design.paper);
  FrontPainter painter(product, front);
  kPainters[static_cast<int>(product.design.layout)](painter);
  Canvas back(height * 2 / 5, height * 3 / 4, product.design.base);
  side(product, back);
  return {to_image(front), to_image(back)};
}

}  // namespace shoplens
