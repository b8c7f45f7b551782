// SPDX-License-Identifier: Apache-2.0
#include "demo/stroke_font.h"

#include <array>
#include <cctype>
#include <sstream>

namespace shoplens {
namespace {

struct Glyph {
  char character;
  const char* strokes;
};

// A stroke is points of two digits, x 0-4 and y 0 (top) to 6 (baseline). '~' before it: the points
// are the control polygon of a quadratic B-spline that starts and ends on them; 'o': a closed one.
constexpr Glyph kGlyphs[] = {
    {'A', "062046 1434"},
    {'B', "0006 ~00404303 ~03434606"},
    {'C', "~414000064645"},
    {'D', "0006 ~00404606"},
    {'E', "40000646 0333"},
    {'F', "400006 0333"},
    {'G', "~414000064643 4323"},
    {'H', "0006 4046 0343"},
    {'I', "0006"},
    {'J', "~30360604"},
    {'K', "0006 4004 1346"},
    {'L', "000636"},
    {'M', "0600244046"},
    {'N', "06004640"},
    {'O', "o00404606"},
    {'P', "0006 ~00404303"},
    {'Q', "o00404606 2446"},
    {'R', "0006 ~00404303 2346"},
    {'S', "~4140000343460605"},
    {'T', "0040 2026"},
    {'U', "~00064640"},
    {'V', "002640"},
    {'W', "0016223640"},
    {'X', "0046 4006"},
    {'Y', "002340 2326"},
    {'Z', "00400646"},
    {'0', "o00303606"},
    {'1', "012026"},
    {'2', "~0100404306 0646"},
    {'3', "~0100404313 ~1343460605"},
    {'4', "36300444"},
    {'5', "400003 ~0342460605"},
    {'6', "~400005 o02424606"},
    {'7', "004016"},
    {'8', "o00404303 o03434606"},
    {'9', "~064641 o00404404"},
    {'.', "0606"},
    {'-', "1333"},
    {'%', "4006 0111 3545"},
};

struct Segment {
  Point from, to;
};

const Glyph* find_glyph(char character) {
  const auto upper = static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
  for (const Glyph& g : kGlyphs)
    if (g.character == upper) return &g;
  return nullptr;
}

Point middle(Point a, Point b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

// The quadratic Bezier curve from a to c with control point b, as short lines.
void add_curve(Point a, Point b, Point c, std::vector<Segment>& out) {
  constexpr int kPieces = 5;
  Point last = a;
  for (int i = 1; i <= kPieces; ++i) {
    const float t = static_cast<float>(i) / kPieces, s = 1 - t;
    const Point p{s * s * a.x + 2 * s * t * b.x + t * t * c.x,
                  s * s * a.y + 2 * s * t * b.y + t * t * c.y};
    out.push_back({last, p});
    last = p;
  }
}

void add_spline(const std::vector<Point>& p, bool closed, std::vector<Segment>& out) {
  const std::size_t n = p.size();
  if (closed) {
    for (std::size_t i = 0; i < n; ++i)
      add_curve(middle(p[(i + n - 1) % n], p[i]), p[i], middle(p[i], p[(i + 1) % n]), out);
    return;
  }
  for (std::size_t i = 1; i + 1 < n; ++i)
    add_curve(i == 1 ? p[0] : middle(p[i - 1], p[i]), p[i],
              i + 2 == n ? p[n - 1] : middle(p[i], p[i + 1]), out);
}

// The glyph's lines, in letters of height 1.
std::vector<Segment> outline(const Glyph& glyph) {
  std::vector<Segment> out;
  std::istringstream strokes(glyph.strokes);
  for (std::string stroke; strokes >> stroke;) {
    const bool closed = stroke[0] == 'o', spline = closed || stroke[0] == '~';
    std::vector<Point> points;
    for (std::size_t i = spline ? 1 : 0; i + 1 < stroke.size(); i += 2)
      points.push_back(
          {static_cast<float>(stroke[i] - '0') / 6, static_cast<float>(stroke[i + 1] - '0') / 6});
    if (spline) {
      add_spline(points, closed, out);
    } else {
      for (std::size_t i = 1; i < points.size(); ++i) out.push_back({points[i - 1], points[i]});
    }
  }
  return out;
}

float glyph_width(const Glyph* glyph, const TextStyle& style) {
  if (!glyph) return 0.3f * style.stretch;
  float right = 0;
  for (const Segment& s : outline(*glyph)) right = std::max({right, s.from.x, s.to.x});
  return right * style.stretch + style.weight;
}

}  // namespace

bool has_glyph(char character) { return find_glyph(character) != nullptr; }

float text_width(const std::string& text, const TextStyle& style) {
  float width = 0;
  for (const char c : text) width += glyph_width(find_glyph(c), style) + style.spacing;
  return std::max(width - style.spacing, 0.f) + std::abs(style.slant);
}

float draw_text(Canvas& canvas, const std::string& text, Point centre, float height,
                float max_width, const TextStyle& style, const Vec3& colour) {
  const float width = text_width(text, style);
  const float size = std::min(height, max_width / std::max(width, 1e-3f));
  const float half = style.weight / 2 * size, inner = size - 2 * half;
  float pen = centre.x - (width - style.slant) * size / 2;
  for (const char c : text) {
    const Glyph* glyph = find_glyph(c);
    const float advance = (glyph_width(glyph, style) + style.spacing) * size;
    if (glyph) {
      std::vector<Segment> lines = outline(*glyph);
      for (Segment& s : lines)
        for (Point* p : {&s.from, &s.to})
          *p = {pen + half + p->x * style.stretch * size - (p->y - 0.5f) * style.slant * size,
                centre.y + (p->y - 0.5f) * inner};
      const Area area{pen - style.slant * size, centre.y - size / 2,
                      pen + advance + style.slant * size, centre.y + size / 2};
      const auto distance = [&](float x, float y) {
        float nearest = 1e9f;
        for (const Segment& s : lines)
          nearest = std::min(nearest, segment_distance(x, y, s.from, s.to));
        return nearest - half;
      };
      canvas.paint(area, distance, colour);
    }
    pen += advance;
  }
  return size;
}

}  // namespace shoplens
