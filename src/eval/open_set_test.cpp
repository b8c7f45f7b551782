// SPDX-License-Identifier: Apache-2.0
#include "eval/open_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"

namespace shoplens {
namespace {

using Scores = std::vector<double>;

TEST(OpenSet, ToldApartPerfectlyOrNotAtAll) {
  const OpenSetCurve apart = open_set_curve(Scores{0.9, 0.8}, Scores{0.1, 0.2, 0.3});
  EXPECT_DOUBLE_EQ(apart.auroc, 1);
  EXPECT_DOUBLE_EQ(apart.fpr_at_95_tpr, 0);
  ASSERT_EQ(apart.points.size(), 6u);
  EXPECT_TRUE(std::isinf(apart.points[0].threshold));
  EXPECT_DOUBLE_EQ(apart.points[2].true_accept, 1);
  EXPECT_DOUBLE_EQ(apart.points[2].false_accept, 0);
  EXPECT_DOUBLE_EQ(apart.points[5].false_accept, 1);

  const OpenSetCurve alike = open_set_curve(Scores{0.5, 0.5}, Scores{0.5});
  EXPECT_DOUBLE_EQ(alike.auroc, 0.5);  // equal scores count half
  EXPECT_DOUBLE_EQ(alike.fpr_at_95_tpr, 1);
  EXPECT_DOUBLE_EQ(open_set_curve(Scores{0.1}, Scores{0.9}).auroc, 0);
}

TEST(OpenSet, AThresholdAcceptsNoMoreStrangersThanItMay) {
  const Scores strangers{0.1, 0.5, 0.3, 0.4, 0.2};
  EXPECT_EQ(threshold_for_false_accepts(strangers, 0), 0.5);     // above it is nobody
  EXPECT_EQ(threshold_for_false_accepts(strangers, 0.2), 0.5);   // one in six would be too many
  EXPECT_EQ(threshold_for_false_accepts(strangers, 0.34), 0.4);  // above it are one of five
  EXPECT_EQ(threshold_for_false_accepts(strangers, 0.67), 0.2);
  EXPECT_LT(threshold_for_false_accepts(strangers, 1), -1e300);
  EXPECT_EQ(threshold_for_false_accepts(Scores{0.7, 0.7, 0.1}, 0.5), 0.7);  // ties stay out
}

TEST(OpenSet, AFurtherStrangerIsAcceptedNoMoreOftenThanWanted) {
  // Over many draws of 19, a twentieth is above the threshold for 10% in one of ten.
  Random random{3};
  int above = 0;
  constexpr int kDraws = 20000;
  for (int draw = 0; draw < kDraws; ++draw) {
    Scores strangers(19);
    for (double& s : strangers) s = random.uniform();
    above += random.uniform() > threshold_for_false_accepts(strangers, 0.1);
  }
  EXPECT_NEAR(above / static_cast<double>(kDraws), 0.1, 0.01);
}

TEST(OpenSet, CalibrationErrorIsTheMeanDistanceOfItsParts) {
  const std::vector<std::uint8_t> right{1, 0, 1, 1};
  // Two parts: .4 is said where 1 of 2 is right, .9 where 2 of 2 are.
  EXPECT_NEAR(expected_calibration_error(Scores{0.4, 0.4, 0.9, 0.9}, right, Scores(4, 1.0), 2),
              (0.1 * 2 + 0.1 * 2) / 4, 1e-12);
  EXPECT_NEAR(expected_calibration_error(Scores{0.4, 0.4, 0.9, 0.9}, right, Scores{3, 1, 1, 1}, 2),
              (std::abs(3 * (0.4 - 1) + 0.4) + 0.1 * 2) / 6, 1e-12);
  EXPECT_NEAR(expected_calibration_error(Scores{1, 0, 1, 1}, right, Scores(4, 1.0)), 0, 1e-12);
}

TEST(OpenSet, RefusesWhatIsNoScore) {
  EXPECT_THROW(open_set_curve(Scores{}, Scores{1}), Error);
  EXPECT_THROW(open_set_curve(Scores{1}, Scores{}), Error);
  EXPECT_THROW(open_set_curve(Scores{std::nan("")}, Scores{1}), Error);
  EXPECT_THROW(threshold_for_false_accepts(Scores{1}, 1.1), Error);
  const std::vector<std::uint8_t> right{1};
  EXPECT_THROW(expected_calibration_error(Scores{1.1}, right, Scores{1}), Error);
  EXPECT_THROW(expected_calibration_error(Scores{}, {}, Scores{}), Error);
}

}  // namespace
}  // namespace shoplens
