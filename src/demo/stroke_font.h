// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "demo/canvas.h"

namespace shoplens {

/// How a word looks. Lengths are shares of the letter height.
struct TextStyle {
  float weight = 0.16f;   // stroke thickness
  float slant = 0;        // sideways lean over the letter height
  float stretch = 1;      // width of the letters
  float spacing = 0.16f;  // between letters
};

/// Width of `text` in letters of height 1. The font has A-Z (lower case is drawn as upper), 0-9,
/// '.', '-' and '%'; any other character is a space.
float text_width(const std::string& text, const TextStyle& style);

/// Whether the font draws `character`.
bool has_glyph(char character);

/// Draws `text` centred at `centre`, as high as `height`, made smaller where it would be wider than
/// `max_width`. Returns the height it was drawn at.
float draw_text(Canvas& canvas, const std::string& text, Point centre, float height,
                float max_width, const TextStyle& style, const Vec3& colour);

}  // namespace shoplens
