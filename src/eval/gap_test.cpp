// SPDX-License-Identifier: Apache-2.0
#include "eval/gap.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"

namespace shoplens {
namespace {

TEST(GlobalAveragePrecision, CountsRightAnswersByTheirPlace) {
  // By confidence: right, wrong, right, wrong.
  EXPECT_DOUBLE_EQ(global_average_precision({1, 2, 3, 4}, {1, 0, 3, 0}, {0.9, 0.8, 0.7, 0.1}),
                   (1.0 + 2.0 / 3) / 4);
  EXPECT_DOUBLE_EQ(global_average_precision({1, 2}, {1, 2}, {0.1, 0.9}), 1);
  EXPECT_DOUBLE_EQ(global_average_precision({1, 2}, {2, 1}, {0.1, 0.9}), 0);
  EXPECT_DOUBLE_EQ(global_average_precision({}, {}, {}), 0);
}

TEST(GlobalAveragePrecision, SureMistakesCostMoreThanUnsureOnes) {
  EXPECT_LT(global_average_precision({1, 2}, {0, 2}, {0.9, 0.5}),
            global_average_precision({1, 2}, {0, 2}, {0.4, 0.5}));
}

TEST(GlobalAveragePrecision, CountsWhatCanBeAnswered) {
  // A stranger that is sure of itself costs those behind it, and is not missed itself.
  EXPECT_DOUBLE_EQ(global_average_precision({-1, 3}, {0, 3}, {0.9, 0.5}), 0.5);
  EXPECT_DOUBLE_EQ(global_average_precision({-1, 3}, {0, 3}, {0.4, 0.5}), 1);
  EXPECT_DOUBLE_EQ(global_average_precision({-1}, {0}, {0.5}), 0);
}

// By NumPy's argsort(-confidence, kind="stable"), here 1 4 0 2 3 5. Of equally sure ones
// argsort()[::-1] takes whichever its sort left last: that is no rule.
TEST(GlobalAveragePrecision, OfEquallySureOnesTheEarlierComesFirst) {
  const std::vector<std::int64_t> truth{1, 2, 3, 4, 5, 6};
  const std::vector<double> confidence{0.5, 0.9, 0.5, 0.5, 0.9, 0.2};
  EXPECT_NEAR(global_average_precision(truth, {1, 0, 3, 0, 0, 6}, confidence),
              (1.0 / 3 + 2.0 / 4 + 3.0 / 6) / 6, 1e-15);
  EXPECT_NEAR(global_average_precision(truth, {0, 0, 3, 4, 0, 6}, confidence),
              (1.0 / 4 + 2.0 / 5 + 3.0 / 6) / 6, 1e-15);
  EXPECT_NEAR(global_average_precision(truth, {0, 0, 3, 4, 5, 0}, confidence),
              (1.0 / 2 + 2.0 / 4 + 3.0 / 5) / 6, 1e-15);
  EXPECT_NEAR(global_average_precision(truth, {1, 2, 0, 0, 0, 0}, std::vector<double>(6, 0.5)),
              (1.0 / 1 + 2.0 / 2) / 6, 1e-15);
}

// tools/make_gap_golden.py: a line of truth predicted confidence a query, after the expected value.
TEST(GlobalAveragePrecision, EqualsNumPy) {
  std::ifstream golden(SHOPLENS_SOURCE_DIR "/tests/golden/eval/gap.txt");
  double expected = 0, c;
  ASSERT_TRUE(golden >> expected);
  std::vector<std::int64_t> truth, predicted;
  std::vector<double> confidence;
  for (std::int64_t t, p; golden >> t >> p >> c;) {
    truth.push_back(t);
    predicted.push_back(p);
    confidence.push_back(c);
  }
  EXPECT_EQ(truth.size(), 200u);
  EXPECT_NEAR(global_average_precision(truth, predicted, confidence), expected, 1e-12);
}

TEST(GlobalAveragePrecision, RefusesListsOfOtherLengths) {
  EXPECT_THROW(global_average_precision({1}, {1, 2}, {0.5}), Error);
}

}  // namespace
}  // namespace shoplens
