// SPDX-License-Identifier: Apache-2.0
#include "nn/exponential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace shoplens {
namespace {

typedef float Floats __attribute__((vector_size(16)));

TEST(Exponential, IsWithinTwoUnitsOfTheLastPlace) {
  double worst = 0;
  for (float x = -87; x <= 88; x += 1.37e-4f) {
    const double want = std::exp(static_cast<double>(x));
    const float near = static_cast<float>(want);
    const double unit = std::nextafter(near, std::numeric_limits<float>::infinity()) - near;
    worst = std::max(worst, std::abs(exponential(Floats{x})[0] - want) / unit);
  }
  EXPECT_LT(worst, 2);
  RecordProperty("worst", std::to_string(worst));
  EXPECT_EQ(exponential(Floats{})[0], 1);
}

TEST(Exponential, HoldsItsArgumentToTheBoundsAndKeepsNotANumber) {
  const Floats y = exponential(Floats{-1e30f, 1e30f, std::nanf(""), 1});
  EXPECT_EQ(y[0], exponential(Floats{-87})[0]);
  EXPECT_EQ(y[1], exponential(Floats{88})[0]);
  EXPECT_TRUE(std::isnan(y[2]));
}

}  // namespace
}  // namespace shoplens
