// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shoplens {
namespace {

const std::vector<double> kDeciles{.1, .2, .3, .4, .5, .6, .7, .8, .9};

TEST(Metrics, SaysWhatItCounted) {
  Metrics metrics;
  metrics.request("GET /healthz", 200, 0.001);
  metrics.request("GET /healthz", 200, 0.001);
  metrics.stage("network", 0.004);
  metrics.batch(3);
  metrics.answer(true, 0.3, kDeciles);
  metrics.answer(false, 0.8, kDeciles);
  metrics.refused("queue_full");
  int waiting = 0;
  metrics.watch("queue_requests", [&] { return waiting; });
  waiting = 7;
  const std::string text = metrics.text({{"items", 12}}, kDeciles);
  for (const char* line :
       {"shoplens_requests_total{route=\"GET /healthz\",status=\"200\"} 2",
        "shoplens_stage_seconds_bucket{stage=\"network\",le=\"0.005\"} 1",
        "shoplens_batch_photos_sum 3", "shoplens_photos_total{answer=\"unknown\"} 1",
        "shoplens_refused_total{reason=\"queue_full\"} 1", "shoplens_items 12",
        "shoplens_queue_requests 7", "# TYPE shoplens_request_seconds histogram"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  EXPECT_EQ(metrics.answers(), (std::pair<std::int64_t, std::int64_t>{2, 1}));
}

TEST(Metrics, DriftIsToldOfEnoughScores) {
  Metrics metrics;
  for (int i = 0; i < 199; ++i) metrics.answer(false, 0.05 + 0.1 * (i % 10), kDeciles);
  EXPECT_EQ(metrics.text({}, kDeciles).find("score_drift"), std::string::npos);
  metrics.answer(true, 0.95, kDeciles);
  EXPECT_NE(metrics.text({}, kDeciles).find("shoplens_score_drift 0\n"), std::string::npos);
  EXPECT_NE(metrics.text({}, kDeciles).find("# HELP shoplens_score_drift Pop"), std::string::npos);
  EXPECT_EQ(metrics.text({}, {}).find("score_drift"), std::string::npos);
}

TEST(Metrics, DriftBeginsAnewWithACalibration) {
  const std::vector<double> others{.01, .02, .03, .04, .05, .06, .07, .08, .09};
  Metrics metrics;
  for (int i = 0; i < 1500; ++i) metrics.answer(false, 0.05 + 0.1 * (i % 10), kDeciles);
  EXPECT_EQ(metrics.text({}, others).find("score_drift"), std::string::npos);
  for (int i = 0; i < 500; ++i) metrics.answer(true, 0.5, {});  // without one nothing is compared
  for (int i = 0; i < 199; ++i) metrics.answer(false, 0.005 + 0.01 * (i % 10), others);
  EXPECT_EQ(metrics.text({}, others).find("score_drift"), std::string::npos);
  metrics.answer(false, 0.095, others);
  EXPECT_NE(metrics.text({}, others).find("shoplens_score_drift 0\n"), std::string::npos);
  EXPECT_EQ(metrics.text({}, kDeciles).find("score_drift"), std::string::npos);
}

TEST(Metrics, AnAnswerWithoutScoreIsCountedAndIsNoDrift) {
  Metrics metrics;
  for (int i = 0; i < 500; ++i) metrics.answer(true, std::nullopt, kDeciles);
  EXPECT_EQ(metrics.answers(), (std::pair<std::int64_t, std::int64_t>{500, 500}));
  EXPECT_EQ(metrics.text({}, kDeciles).find("score_drift"), std::string::npos);
}

TEST(Metrics, StabilityOfScores) {
  EXPECT_EQ(population_stability({}, kDeciles), 0);
  std::vector<double> same, shifted;
  for (int i = 0; i < 1000; ++i) {
    same.push_back((i + 0.5) / 1000);
    shifted.push_back((i + 0.5) / 2000);
  }
  EXPECT_NEAR(population_stability(same, kDeciles), 0, 1e-6);
  // Five parts with a fifth of the photos each, five with none.
  const double full = 200.5 / 1005, none = 0.5 / 1005;
  EXPECT_NEAR(population_stability(shifted, kDeciles),
              5 * (full - .1) * std::log(full / .1) + 5 * (none - .1) * std::log(none / .1), 1e-9);
}

}  // namespace
}  // namespace shoplens
