// SPDX-License-Identifier: Apache-2.0
#include "quantize/value_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace shoplens {
namespace {

ValueRange range_of(const std::vector<std::int64_t>& dims, const std::vector<float>& data) {
  ValueRange range;
  range.see(dims, data);
  range.count(data);
  return range;
}

double error_of(const std::vector<float>& data, const Grid& grid) {
  double error = 0;
  for (const float x : data) {
    const double q = std::clamp<double>(std::nearbyint(x / grid.scale) + grid.zero_point, 0, 255);
    error += std::pow(x - grid.scale * (q - grid.zero_point), 2);
  }
  return error;
}

TEST(ValueRange, MeansAreByChannel) {
  ValueRange range;
  range.see(std::vector<std::int64_t>{2, 2, 2}, std::vector<float>{1, 3, 10, 10, 5, 7, 20, 20});
  range.see(std::vector<std::int64_t>{1, 2, 2}, std::vector<float>{2, 6, 0, 0});
  EXPECT_EQ(range.means(), (std::vector<float>{4, 10}));
  EXPECT_EQ(range.low(), 0);
  EXPECT_EQ(range.high(), 20);
}

TEST(ValueRange, EvenlySpreadValuesKeepTheirWholeRange) {
  std::vector<float> data;
  for (int i = 0; i < 4096; ++i) data.push_back(static_cast<float>(i) / 1024 - 1);
  const Grid grid = range_of({1, 1, 4096}, data).best_grid();
  EXPECT_NEAR(grid.scale * (0 - grid.zero_point), -1, 0.12);
  EXPECT_NEAR(grid.scale * (255 - grid.zero_point), 3, 0.12);
}

TEST(ValueRange, RareExtremesAreCut) {
  Random random{1};
  std::vector<float> data;
  for (int i = 0; i < 1000000; ++i) data.push_back(static_cast<float>(random.uniform(0, 1)));
  data.push_back(4);
  const Grid best = range_of({1, 1, static_cast<std::int64_t>(data.size())}, data).best_grid();
  const Grid whole = grid_between(0, 4);
  EXPECT_LT(best.scale, whole.scale * 0.6);
  EXPECT_LT(error_of(data, best), error_of(data, whole));
}

TEST(ValueRange, ValuesThatAreAllTheSameHaveAGridToo) {
  EXPECT_EQ(range_of({1, 1, 2}, {0, 0}).best_grid().scale, 1);
  const Grid grid = range_of({1, 1, 2}, {-2, -2}).best_grid();
  EXPECT_NEAR(grid.scale * (0 - grid.zero_point), -2, 0.01);
}

}  // namespace
}  // namespace shoplens
