// SPDX-License-Identifier: Apache-2.0
#include "recognize/calibration.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "gallery/gallery_file.h"

namespace shoplens {
namespace {

Calibration example() {
  return {{-12.5, 14, 12, 5.5},
          0.25,
          {{"gala \"red\"", 0.5}, {"fuji", 0.125}},
          0.05,
          {.1, .2, .3, .4, .5, .6, .7, .8, .9},
          "abc"};
}

TEST(Evidence, OfAnAnswerAmongItsNeighbours) {
  const std::vector<std::int64_t> labels{1, 1, 2, 1};
  const std::vector<float> scores{0.9f, 0.8f, 0.7f, 0.6f};
  const Evidence first = evidence_for(1, 20, labels, scores);
  EXPECT_NEAR(first.score, 0.9, 1e-6);
  EXPECT_NEAR(first.margin, 0.2, 1e-6);
  EXPECT_DOUBLE_EQ(first.agreement, 0.75);
  const Evidence outvoted = evidence_for(2, 20, labels, scores);
  EXPECT_NEAR(outvoted.margin, -0.2, 1e-6);
  EXPECT_DOUBLE_EQ(outvoted.agreement, 0.25);
}

TEST(Evidence, AProductWithFewPhotosIsNotSuspect) {
  const std::vector<std::int64_t> labels{1, 2, 2, 2};
  const std::vector<float> scores{0.9f, 0.4f, 0.4f, 0.3f};
  EXPECT_DOUBLE_EQ(evidence_for(1, 1, labels, scores).agreement, 1);
  EXPECT_DOUBLE_EQ(evidence_for(1, 2, labels, scores).agreement, 0.5);
}

TEST(Evidence, WithNeighboursOfOneLabelTheLastStandsForTheOthers) {
  const std::vector<std::int64_t> labels{1, 1};
  const std::vector<float> scores{0.9f, 0.6f};
  EXPECT_NEAR(evidence_for(1, 5, labels, scores).margin, 0.3, 1e-6);
  EXPECT_EQ(evidence_for(7, 5, labels, scores).score, 0);  // a label that no neighbour has
  EXPECT_EQ(evidence_for(1, 5, {}, {}).agreement, 0);
}

TEST(Evidence, ReadsNoFurtherThanItShould) {
  std::vector<std::int64_t> labels(kEvidenceNeighbours, 1);
  std::vector<float> scores(kEvidenceNeighbours, 0.5f);
  labels.push_back(2);
  scores.push_back(0.4f);
  EXPECT_EQ(evidence_for(1, 100, labels, scores).agreement, 1);
  EXPECT_EQ(evidence_for(1, 100, labels, scores).margin, 0);
}

TEST(Calibration, ProbabilityAndThresholds) {
  const Calibration c = example();
  const double p = c.probability({0.7, 0.2, 0.8});
  EXPECT_NEAR(p, 1 / (1 + std::exp(-(-12.5 + 14 * 0.7 + 12 * 0.2 + 5.5 * 0.8))), 1e-12);
  EXPECT_TRUE(c.unknown("pear", 0.25));
  EXPECT_FALSE(c.unknown("pear", 0.26));
  EXPECT_TRUE(c.unknown("gala \"red\"", 0.4));  // its own
  EXPECT_FALSE(c.unknown("fuji", 0.2));
  EXPECT_TRUE(c.unknown("pear", std::nan("")));
}

TEST(Calibration, ComesBackFromToml) {
  const Calibration c = example(), back = calibration_from_toml(to_toml(c), "g.db");
  EXPECT_EQ(back.weights, c.weights);
  EXPECT_EQ(back.threshold, c.threshold);
  EXPECT_EQ(back.label_thresholds, c.label_thresholds);
  EXPECT_EQ(back.false_accept_rate, c.false_accept_rate);
  EXPECT_EQ(back.score_deciles, c.score_deciles);
  EXPECT_EQ(back.settings, c.settings);
}

TEST(Calibration, RefusesWhatItWouldNotWrite) {
  for (const char* bad :
       {"weights = [1, 2, 3]", "weights = [1, 2, 3, \"x\"]", "threshold = -1", "nonsense = 1",
        "settings = ", "score_deciles = [nan, 1, 1, 1, 1, 1, 1, 1, 1]", "label_thresholds = 3"})
    try {
      calibration_from_toml(bad, "g.db");
      ADD_FAILURE() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kCorrupt);
      EXPECT_NE(std::string(e.what()).find("g.db"), std::string::npos);
    }
}

TEST(Calibration, HoldsForAPipelineWhereverItsModelsAre) {
  PipelineSpec spec{.models = {{"a.onnx", "f1"}}};
  PipelineSpec moved = spec, other = spec;
  moved.models[0].path = "elsewhere/a.onnx";
  other.tta = Tta::kHflip;
  EXPECT_EQ(settings_hash(spec), settings_hash(moved));
  EXPECT_NE(settings_hash(spec), settings_hash(other));
}

TEST(Calibration, ALabelsThresholdGoesWithItsName) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("shoplens_threshold_" + std::to_string(::getpid()) + ".db");
  build_gallery(path, {"f1", "tiny", 8, "model.onnx"}, {{"calibration", to_toml(example())}}, {},
                {}, true);
  Gallery gallery(path);
  const auto after = [&](const char* from, const char* to, bool merged) {
    const GalleryChanges changes =
        gallery.transact([&] { rename_threshold(gallery, from, to, merged); });
    return std::pair(calibration_from_toml(gallery.note("calibration"), "g.db").label_thresholds,
                     changes.settings);
  };
  using Thresholds = std::map<std::string, double>;
  const Thresholds renamed{{"gala \"red\"", 0.5}, {"Fuji", 0.125}};
  EXPECT_EQ(after("fuji", "Fuji", false), std::pair(renamed, true));
  EXPECT_EQ(after("pear", "plum", false), std::pair(renamed, false));  // the rest is left alone
  EXPECT_EQ(after("Fuji", "Fuji", false), std::pair(renamed, false));
  EXPECT_EQ(after("pear", "Fuji", true), std::pair(renamed, false));
  EXPECT_EQ(after("Fuji", "gala \"red\"", true),
            std::pair(Thresholds{{"gala \"red\"", 0.5}}, true));
  EXPECT_EQ(after("pear", "gala \"red\"", false), std::pair(Thresholds{}, true));  // it was gone
  gallery.write_note("calibration", "");
  rename_threshold(gallery, "pear", "plum", false);
  EXPECT_EQ(gallery.note("calibration"), "");
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + suffix);
}

}  // namespace
}  // namespace shoplens
