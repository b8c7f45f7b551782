// SPDX-License-Identifier: Apache-2.0
#include "eval/logistic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "eval/open_set.h"

namespace shoplens {
namespace {

// tools/make_open_set_golden.py
TEST(Logistic, EqualsScikitLearnAndSoDoTheCurveAndTheCalibrationError) {
  std::ifstream golden(SHOPLENS_SOURCE_DIR "/tests/golden/eval/open_set.txt");
  double expected[7];
  for (double& value : expected) ASSERT_TRUE(golden >> value);
  std::vector<double> x, weight;
  std::vector<std::uint8_t> right;
  for (double score, margin, agreement, r, w; golden >> score >> margin >> agreement >> r >> w;) {
    x.insert(x.end(), {score, margin, agreement});
    right.push_back(r > 0);
    weight.push_back(w);
  }
  ASSERT_EQ(right.size(), 240u);
  const auto fitted = fit_logistic(x, 3, right, weight);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(fitted[i], expected[i], 1e-5 * std::abs(expected[i]));

  std::vector<double> known, strangers, probability;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double z = expected[0] + expected[1] * x[3 * i] + expected[2] * x[3 * i + 1] +
                     expected[3] * x[3 * i + 2];
    probability.push_back(sigmoid(z));
    (right[i] ? known : strangers).push_back(std::round(z * 10) / 10);
  }
  const OpenSetCurve curve = open_set_curve(known, strangers);
  EXPECT_NEAR(curve.auroc, expected[4], 1e-12);
  EXPECT_NEAR(curve.fpr_at_95_tpr, expected[5], 1e-12);
  EXPECT_NEAR(expected_calibration_error(probability, right, weight), expected[6], 1e-12);
}

TEST(Logistic, StaysFiniteWhereTheTwoCanBeToldApart) {
  const std::vector<double> x{-2, -1, 1, 2}, weight(4, 1.0);
  const std::vector<std::uint8_t> right{0, 0, 1, 1};
  const auto w = fit_logistic(x, 1, right, weight);
  EXPECT_GT(w[1], 0);
  EXPECT_LT(w[1], 100);
  EXPECT_NEAR(w[0], 0, 1e-6);
}

TEST(Logistic, AColumnWithoutVarianceDoesNoHarm) {
  const std::vector<double> x{1, 5, 2, 5, 3, 5, 4, 5}, weight(4, 1.0);
  const std::vector<std::uint8_t> right{0, 1, 0, 1};
  for (const double w : fit_logistic(x, 2, right, weight)) EXPECT_TRUE(std::isfinite(w));
}

TEST(Logistic, RefusesOneKindAlone) {
  const std::vector<double> x{1, 2}, weight(2, 1.0);
  const std::vector<std::uint8_t> right{1, 1};
  EXPECT_THROW(fit_logistic(x, 1, right, weight), Error);
  EXPECT_THROW(fit_logistic(x, 2, right, weight), Error);
}

TEST(Logistic, SigmoidDoesNotOverflow) {
  EXPECT_DOUBLE_EQ(sigmoid(0), 0.5);
  EXPECT_DOUBLE_EQ(sigmoid(-1000), 0);
  EXPECT_DOUBLE_EQ(sigmoid(1000), 1);
}

}  // namespace
}  // namespace shoplens
