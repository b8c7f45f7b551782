// SPDX-License-Identifier: Apache-2.0
#include "recognize/heat_map.h"

#include <algorithm>

#include "core/error.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

TEST(HeatMap, IsEachCellsShareInTheCosine) {
  // Two channels; a has the first in its left cell, b has it in its lower one, twice as strong.
  const LookedAt a{{2, 1, 2, {1, 0, /**/ 0, 1}}, {}}, b{{2, 2, 1, {0, 2, /**/ -1, 0}}, {}};
  const auto [of_a, of_b] = heat_of(a, b);
  // average of a (0.5, 0.5), of b (1, -0.5): products of a's cells 1 and -0.5, of b's -0.5 and 1.
  EXPECT_EQ(of_a.heat, (std::vector<float>{1, 0}));
  EXPECT_EQ(of_b.heat, (std::vector<float>{0, 1}));
  EXPECT_EQ(of_b.rows, 2);
  EXPECT_EQ(of_b.columns, 1);
}

TEST(HeatMap, OfNothingIsCold) {
  const LookedAt nothing{{1, 1, 2, {0, 0}}, {}};
  EXPECT_EQ(heat_of(nothing, nothing).first.heat, (std::vector<float>{0, 0}));
  EXPECT_THROW(heat_of(nothing, {{2, 1, 1, {0, 0}}, {}}), Error);
}

using HeatMapOfPictures = TestCatalogue;

TEST_F(HeatMapOfPictures, IsOfBothAndTheSameEitherWay) {
  const Pipeline pipeline = open(1);
  const LookedAt one = look_at(heaviest_network(pipeline), picture(1)),
                 two = look_at(heaviest_network(pipeline), picture(2));
  const auto [first, second] = heat_of(one, two);
  const auto [second_again, first_again] = heat_of(two, one);
  EXPECT_EQ(first.rows, 8);  // input 32, two strides of 2
  EXPECT_EQ(first.columns, 8);
  EXPECT_EQ(first.heat, first_again.heat);
  EXPECT_EQ(second.heat, second_again.heat);
  const float most = std::max(*std::max_element(first.heat.begin(), first.heat.end()),
                              *std::max_element(second.heat.begin(), second.heat.end()));
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace shoplens
