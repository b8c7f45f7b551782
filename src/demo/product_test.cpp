// SPDX-License-Identifier: Apache-2.0
#include "demo/product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "demo/artwork.h"
#include "demo/stroke_font.h"

namespace shoplens {
namespace {

TEST(Product, LabelsAreDistinctAndSafeAsFolderNames) {
  const std::vector<Product> products = make_products(1, 1500);
  std::set<std::string> labels;
  for (const Product& p : products) {
    EXPECT_TRUE(labels.insert(p.label).second) << p.label;
    EXPECT_TRUE(std::all_of(p.label.begin(), p.label.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '-';
    })) << p.label;
  }
}

TEST(Product, EveryKindOccursAndFamiliesShareTheirDesign) {
  const std::vector<Product> products = make_products(1, 60);
  std::set<PackageKind> kinds;
  int relatives = 0;
  for (std::size_t i = 0; i < products.size(); ++i) {
    kinds.insert(products[i].kind);
    if (i == 0 || products[i].seed != products[i - 1].seed) continue;
    ++relatives;
    EXPECT_EQ(products[i].brand, products[i - 1].brand);
    EXPECT_EQ(products[i].design.layout, products[i - 1].design.layout);
  }
  EXPECT_EQ(kinds.size(), static_cast<std::size_t>(kPackageKinds));
  EXPECT_GT(relatives, 30);
}

TEST(Product, ASmallSetIsTheStartOfALargeOne) {
  const auto small = make_products(7, 10), large = make_products(7, 50),
             other = make_products(8, 10);
  int alike = 0;
  for (std::size_t i = 0; i < small.size(); ++i) {
    EXPECT_EQ(small[i].label, large[i].label);
    alike += small[i].label == other[i].label;
  }
  EXPECT_LT(alike, 5);
}

TEST(StrokeFont, DrawsEveryCharacterOfTheNames) {
  for (const Product& p : make_products(3, 400))
    for (const char c : p.brand + p.type + p.flavour + p.size)
      EXPECT_TRUE(c == ' ' || has_glyph(c)) << c << " of " << p.label;
}

TEST(StrokeFont, TextFitsTheWidthItIsGiven) {
  Canvas canvas(300, 100, {1, 1, 1});
  const float height = draw_text(canvas, "STRAWBERRY", {1.5f, 0.5f}, 0.9f, 1, {}, {0, 0, 0});
  EXPECT_LT(height, 0.9f);
  int left = 300, right = 0;
  for (int i = 0; i < 300 * 100; ++i)
    if (canvas.pixels[static_cast<std::size_t>(i)].x < 0.5f)
      left = std::min(left, i % 300), right = std::max(right, i % 300);
  EXPECT_NEAR(left, 100, 3);
  EXPECT_NEAR(right, 200, 3);
}

TEST(Artwork, RelativesDiffer) {
  const std::vector<Product> products = make_products(1, 24);
  for (std::size_t i = 1; i < products.size(); ++i)
    EXPECT_FALSE(draw_artwork(products[i], 96).front == draw_artwork(products[i - 1], 96).front)
        << products[i].label;
}

}  // namespace
}  // namespace shoplens
