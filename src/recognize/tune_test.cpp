// SPDX-License-Identifier: Apache-2.0
#include "recognize/tune.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "core/random.h"

namespace shoplens {
namespace {

// Two networks of 8 components each: the first tells 6 products apart, the second is noise.
class TuneTest : public testing::Test {
 protected:
  static constexpr int kProducts = 6, kDim = 16;

  std::vector<float> vector(int product, Random& random) const {
    std::vector<float> x(kDim);
    for (int j = 0; j < 8; ++j)
      x[static_cast<std::size_t>(j)] =
          (j == product ? 1.0f : 0.0f) + static_cast<float>(random.uniform(-0.35, 0.35));
    for (std::size_t j = 8; j < kDim; ++j) x[j] = static_cast<float>(random.uniform(-1, 1));
    l2_normalize(std::span(x).first(8), 8);
    l2_normalize(std::span(x).last(8), 8);
    l2_normalize(x, kDim);
    return x;
  }

  TuneTest() {
    Random random{3};
    for (int i = 0; i < 90; ++i) {
      const auto x = vector(i % kProducts, random);
      gallery.vectors.insert(gallery.vectors.end(), x.begin(), x.end());
      gallery.items.push_back(
          {i + 1, "p" + std::to_string(i % kProducts), std::to_string(i), "", {}});
    }
    embedded.dim = kDim;
    for (int i = 0; i < 60; ++i) {
      const auto x = vector(i % kProducts, random);
      embedded.embeddings.insert(embedded.embeddings.end(), x.begin(), x.end());
      embedded.photos.push_back(i);
      held_out.labels.push_back("p" + std::to_string(i % kProducts));
    }
  }

  TuneResult run(int whiten = 0, const Manifest* report = nullptr) {
    TuneData with = data();
    if (report) with.report.push_back({gallery, blocks, {0, 1}, *report, embedded});
    return tune(spec(), with, whiten);
  }

  PipelineSpec spec() const { return {.models = {{"a", "f1"}, {"b", "f2"}}}; }
  TuneData data() const {
    return tune_data(gallery, whitening, blocks, no_classes, held_out, embedded);
  }

  GalleryContent gallery;
  std::optional<GalleryArray> whitening;
  std::vector<Block> blocks{{8, 1.0}, {8, 1.0}};
  Manifest held_out;
  PhotoEmbeddings embedded;
  std::vector<std::string> no_classes;
};

TEST_F(TuneTest, FindsWhichNetworkIsWorthMore) {
  const TuneResult result = run();
  EXPECT_GT(result.spec.models[0].weight, 1.5 * result.spec.models[1].weight);
  const TuneTrial& first = result.trials[0];
  EXPECT_EQ(first.what, "as it is");
  EXPECT_EQ(result.trials[1].score, first.score);  // which is nothing but weights
  double best = first.score;
  for (std::size_t i = 2; i < result.trials.size(); ++i) {
    const TuneTrial& trial = result.trials[i];
    if (!trial.kept) continue;
    EXPECT_GT(trial.score, best + 0.001) << trial.what;
    best = trial.score;
  }
  EXPECT_GT(best, first.score + 0.05);
  EXPECT_EQ(result.trials[result.chosen].score, best);
}

TEST_F(TuneTest, WhatItChoseScoresWhatItSaid) {
  const TuneResult result = run();
  std::vector<Block> weighed = blocks;
  for (std::size_t i = 0; i < 2; ++i) weighed[i].weight = result.spec.models[i].weight;
  const Matcher matcher(gallery.vectors, weighed, result.spec, result.whitening);
  const Evaluation e =
      evaluate(gallery.items, matcher, held_out, embedded, {result.spec.decide, {}})[0];
  EXPECT_DOUBLE_EQ(tune_score({e.accuracy, e.metrics.recall_at_5, e.metrics.map}),
                   result.trials[result.chosen].score);
}

TEST_F(TuneTest, FurtherPhotosAreSeenAndChooseNothing) {
  const TuneResult without = run();
  EXPECT_FALSE(without.trials[0].report);
  Manifest wrong = held_out;  // so that each setting looks worst where it does best
  std::rotate(wrong.labels.begin(), wrong.labels.begin() + 1, wrong.labels.end());
  const TuneResult with = run(0, &wrong);
  ASSERT_EQ(with.trials.size(), without.trials.size());
  for (std::size_t i = 0; i < with.trials.size(); ++i) {
    const TuneTrial& trial = with.trials[i];
    EXPECT_EQ(trial.what, without.trials[i].what);
    EXPECT_EQ(trial.kept, without.trials[i].kept) << trial.what;
    ASSERT_TRUE(trial.report);
    EXPECT_LE(trial.report->accuracy, 1 - trial.held_out.accuracy) << trial.what;
  }
  const TuneResult same = run(0, &held_out);
  for (const TuneTrial& trial : same.trials)
    EXPECT_EQ(trial.report->map, trial.held_out.map) << trial.what;
}

// What was learnt before is what has to be bettered, and is kept when it is not.
TEST_F(TuneTest, BeginsWithThePipelineAsItIs) {
  const TuneResult first = run(5);
  whitening = first.whitening;
  const TuneResult again = tune(first.spec, data(), 0);
  EXPECT_EQ(again.trials[0].what, "as it is");
  EXPECT_EQ(again.trials[0].score, first.trials[first.chosen].score);
  EXPECT_LT(again.trials[1].score, again.trials[0].score);  // its weights alone
  EXPECT_GE(again.trials[again.chosen].score, again.trials[0].score);
  const TuneResult kept = tune(first.spec, data(), 0, /*least_gain=*/1);
  EXPECT_EQ(kept.chosen, 0u);
  EXPECT_EQ(to_toml(kept.spec), to_toml(first.spec));
  EXPECT_EQ(kept.whitening->values, first.whitening->values);
}

TEST_F(TuneTest, KeepsTheGallerysRecall) {
  PipelineSpec searched = spec();
  searched.ranking.recall = 0.99;
  EXPECT_EQ(tune(searched, data(), 0).spec.ranking.recall, 0.99);
}

// Labels that say nothing of the photos: what some of them choose is worth nothing to others, while
// it always looks well on those that chose it.
TEST_F(TuneTest, CrossValidationTellsWhatChanceChose) {
  Random random{8};
  double flattered = 0, honest = 0;  // means
  for (int time = 0; time < 4; ++time) {
    for (std::string& label : held_out.labels)
      label = "p" + std::to_string(static_cast<int>(random.uniform(0, kProducts)));
    const TuneResult all = run();
    const auto mean = cross_validate_tune(spec(), data(), 0, 5);
    ASSERT_TRUE(mean);
    EXPECT_NEAR(tune_score(mean->before), all.trials[0].score, 1e-12);
    flattered += all.trials[all.chosen].score / 4;
    honest += tune_score(mean->after) / 4;
  }
  EXPECT_LT(honest, flattered - 0.02);
}

TEST_F(TuneTest, CrossValidationTellsOfARealGain) {
  held_out.labels[7] = "a stranger";  // left out
  const auto mean = cross_validate_tune(spec(), data(), 0, 5);
  ASSERT_TRUE(mean);
  EXPECT_GT(tune_score(mean->after), tune_score(mean->before) + 0.05);
  const TuneResult all = run();
  EXPECT_NEAR(tune_score(mean->before), all.trials[0].score, 1e-12);
  EXPECT_FALSE(cross_validate_tune(spec(), data(), 0, 60));  // 59 photos
  EXPECT_THROW(cross_validate_tune(spec(), data(), 0, 1), Error);
}

TEST(TuneGain, IsAScoreThatRisesWhileAccuracyDoesNotFall) {
  EXPECT_TRUE(is_gain({0.9, 0.9, 0.9}, {0.9, 0.9, 0.91}));
  EXPECT_FALSE(is_gain({0.9, 0.9, 0.9}, {0.899, 0.95, 0.95}));
  EXPECT_FALSE(is_gain({0.9, 0.9, 0.9}, {0.9, 0.9, 0.902}));  // by less than 0.001
  EXPECT_FALSE(is_gain({0.9, 0.9, 0.9}, {0.9, 0.9, 0.9}));
}

TEST_F(TuneTest, KeepsTheStatedLength) {
  const TuneResult result = run(5);
  EXPECT_EQ(result.spec.whiten, 5);
  ASSERT_TRUE(result.whitening);
  EXPECT_EQ(result.whitening->rows, 5);
  EXPECT_EQ(result.whitening->values.size(), 5u * (kDim + 1));
  EXPECT_THROW(run(17), Error);
}

}  // namespace
}  // namespace shoplens
