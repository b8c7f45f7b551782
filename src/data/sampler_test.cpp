// SPDX-License-Identifier: Apache-2.0
#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

namespace shoplens {
namespace {

TEST(Sampler, VisitsEachSampleOnce) {
  for (const std::int64_t size : {0, 1, 2, 1000}) {
    auto order = shuffled_order(size, 1, 2);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, sequential_order(size));
  }
}

TEST(Sampler, IsTheSameForTheSameSeedAndEpochAlone) {
  EXPECT_EQ(shuffled_order(100, 1, 2), shuffled_order(100, 1, 2));
  EXPECT_NE(shuffled_order(100, 1, 2), shuffled_order(100, 1, 3));
  EXPECT_NE(shuffled_order(100, 1, 2), shuffled_order(100, 2, 2));
  EXPECT_NE(shuffled_order(100, 1, 2), shuffled_order(100, 2, 1));
}

// The resume of an old run depends on these numbers: they must not change.
TEST(Sampler, KeepsItsOrderAcrossVersions) {
  EXPECT_EQ(shuffled_order(8, 42, 0), (std::vector<std::int64_t>{1, 5, 2, 3, 4, 6, 7, 0}));
}

TEST(Sampler, PutsEachSampleEverywhereAlikeOften) {
  constexpr int kSize = 5, kEpochs = 20000;
  std::array<std::array<int, kSize>, kSize> count{};
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const auto order = shuffled_order(kSize, 3, static_cast<std::uint64_t>(epoch));
    for (std::size_t i = 0; i < kSize; ++i) ++count[i][static_cast<std::size_t>(order[i])];
  }
  for (const auto& place : count)
    for (const int n : place) EXPECT_NEAR(n, kEpochs / kSize, 250);  // 4.4 standard deviations
}

TEST(RunsOfLabelOrder, FillsBatchesWithRunsOfDifferentLabels) {
  constexpr int kLabels = 8, kPerLabel = 13, kM = 4;
  std::vector<std::int64_t> of_row;
  for (int i = 0; i < kLabels * kPerLabel; ++i) of_row.push_back(i % kLabels);
  const auto order = runs_of_label_order(of_row, kM, 1, 2);
  ASSERT_EQ(order.size(), kLabels * (kPerLabel / kM) * kM);
  for (std::size_t batch = 0; batch < order.size(); batch += kLabels * kM) {
    std::set<std::int64_t> labels, rows;
    for (std::size_t run = batch; run < batch + kLabels * kM; run += kM)
      for (int i = 0; i < kM; ++i) {
        EXPECT_EQ(of_row[order[run + i]], of_row[order[run]]);
        labels.insert(of_row[order[run]]);
        rows.insert(order[run + i]);
      }
    EXPECT_EQ(labels.size(), kLabels);
    EXPECT_EQ(rows.size(), kLabels * kM);  // no photo twice
  }
  EXPECT_EQ(order, runs_of_label_order(of_row, kM, 1, 2));
  EXPECT_NE(order, runs_of_label_order(of_row, kM, 1, 3));
}

// Ten times the photos of the others: its runs are spread, so that every batch has others to
// compare with, to the last.
TEST(RunsOfLabelOrder, SpreadsALabelOfManyPhotosOverTheEpoch) {
  constexpr int kM = 4, kRunsOfBatch = 8;
  std::vector<std::int64_t> of_row(400, 0);
  for (std::int64_t label = 1; label <= 20; ++label) of_row.insert(of_row.end(), 40, label);
  const auto order = runs_of_label_order(of_row, kM, 1, 2);
  ASSERT_EQ(order.size(), of_row.size());
  for (std::size_t batch = 0; batch + kM * kRunsOfBatch <= order.size();
       batch += kM * kRunsOfBatch) {
    std::set<std::int64_t> labels;
    for (std::size_t i = batch; i < batch + kM * kRunsOfBatch; ++i) labels.insert(of_row[order[i]]);
    EXPECT_GE(labels.size(), 4u) << batch;
  }
}

TEST(RunsOfLabelOrder, RepeatsTheFewPhotosOfARareLabel) {
  const auto order = runs_of_label_order({0, 1, 1, 1, 1}, 4, 1, 1);
  EXPECT_EQ(order.size(), 8u);
  EXPECT_EQ(std::count(order.begin(), order.end(), 0), 4);
}

TEST(NumberVisits, TellsRepeatsApartAndLeavesTheRest) {
  EXPECT_EQ(number_visits({2, 0, 2, 2, 1, 0}, 3), (std::vector<std::int64_t>{2, 0, 5, 8, 1, 3}));
  const auto shuffled = shuffled_order(100, 1, 2);
  EXPECT_EQ(number_visits(shuffled, 100), shuffled);
  // Runs repeat nothing while every label has m photos.
  const std::vector<std::int64_t> of_row{0, 0, 0, 1, 1, 1, 1, 2, 2};
  const auto runs = runs_of_label_order(of_row, 2, 1, 1);
  EXPECT_EQ(number_visits(runs, 9), runs);
}

}  // namespace
}  // namespace shoplens
