// SPDX-License-Identifier: Apache-2.0
#include "image/trivial_augment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "image/test_pattern.h"
#include "image/warp.h"

namespace shoplens {
namespace {

using Kind = TrivialAugment::Kind;

TEST(TrivialAugment, DrawsKindsLevelsAndSignsAlike) {
  std::map<int, int> kinds, levels;
  int negative = 0;
  constexpr int kDraws = 20000;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    Random random{5, i};
    const TrivialAugment drawn = TrivialAugment::draw(random);
    ++kinds[static_cast<int>(drawn.kind)];
    ++levels[static_cast<int>(std::lround(30 * drawn.strength))];
    negative += drawn.negative ? 1 : 0;
  }
  const auto near = [](int count, double p) {
    EXPECT_NEAR(count, kDraws * p, 4.5 * std::sqrt(kDraws * p * (1 - p)));
  };
  EXPECT_EQ(kinds.size(), 14u);
  EXPECT_EQ(levels.size(), 31u);
  for (const auto& [kind, count] : kinds) near(count, 1.0 / 14);
  for (const auto& [level, count] : levels) near(count, 1.0 / 31);
  near(negative, 0.5);
}

TEST(TrivialAugment, WithoutStrengthOnlyTheHistogramKindsChangeAPicture) {
  Image image = test_pattern(40, 30);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(40 + value / 2);
  for (int k = 0; k < TrivialAugment::kKinds; ++k) {
    const auto kind = static_cast<Kind>(k);
    const bool changes = kind == Kind::kAutocontrast || kind == Kind::kEqualize;
    EXPECT_EQ(TrivialAugment({kind, 0, false}).apply(image) != image, changes) << k;
  }
}

TEST(TrivialAugment, MovesByItsStrength) {
  const Image image = test_pattern(100, 60);
  const Image right = TrivialAugment({Kind::kTranslateX, 0.5, false}).apply(image);
  for (int x = 0; x < 100; ++x)
    EXPECT_EQ(right.row(7)[3 * x], x < 16 ? 0 : image.row(7)[3 * (x - 16)]) << x;
  const Image up = TrivialAugment({Kind::kTranslateY, 1, true}).apply(image);
  EXPECT_EQ(up.row(5)[9], image.row(37)[9]);
  EXPECT_EQ(TrivialAugment({Kind::kRotate, 1, true}).apply(image),
            warp(image, shift_scale_rotate(100, 60, 0, 0, 1, -135)));
  // Shearing leaves the middle row (here of an odd height) where it is and moves the others apart.
  const Image tall = test_pattern(61, 41);
  const Image sheared = TrivialAugment({Kind::kShearX, 20.0 / 33, false}).apply(tall);  // by 0.6
  EXPECT_EQ(sheared.row(20)[3 * 30], tall.row(20)[3 * 30]);
  EXPECT_EQ(sheared.row(25)[3 * 30], tall.row(25)[3 * 33]);
}

}  // namespace
}  // namespace shoplens
