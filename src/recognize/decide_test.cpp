// SPDX-License-Identifier: Apache-2.0
#include "recognize/decide.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <vector>

#include "core/error.h"

namespace shoplens {
namespace {

Decision decide_of(const std::vector<std::int64_t>& labels, const std::vector<float>& scores,
                   const DecideOptions& options) {
  return decide(labels, scores, options);
}

TEST(Decide, Top1IsTheNearestAndItsCosine) {
  const Decision d = decide_of({7, 3, 3}, {0.9f, 0.8f, 0.8f}, {});
  EXPECT_EQ(d.label, 7);
  EXPECT_FLOAT_EQ(static_cast<float>(d.score), 0.9f);
}

TEST(Decide, WithoutNeighboursThereIsNoLabel) { EXPECT_EQ(decide_of({}, {}, {}).label, -1); }

TEST(Decide, WeightedVoteSumsAsDefined) {
  const DecideOptions options{Vote::kWeighted, 3, 0.1};
  const Decision d = decide_of({7, 3, 3, 3}, {0.9f, 0.88f, 0.86f, 0.85f}, options);
  const double b = std::exp(-0.2) + std::exp(-0.4);  // the fourth neighbour has no vote
  EXPECT_EQ(d.label, 3);
  EXPECT_NEAR(d.score, b / (1 + b), 1e-6);
}

TEST(Decide, ManyFarNeighboursDoNotOutvoteANearOne) {
  const Decision d = decide_of({7, 3, 3, 3}, {0.9f, 0.5f, 0.5f, 0.5f}, {Vote::kWeighted, 4, 0.05});
  EXPECT_EQ(d.label, 7);
  EXPECT_GT(d.score, 0.99);
}

TEST(Decide, OfEqualSumsTheNearerWins) {
  EXPECT_EQ(decide_of({7, 3}, {0.5f, 0.5f}, {Vote::kWeighted, 2, 0.05}).label, 7);
}

TEST(Decide, OneVoterIsTop1) {
  const Decision d = decide_of({7, 3, 3}, {0.9f, 0.9f, 0.9f}, {Vote::kWeighted, 1, 0.05});
  EXPECT_EQ(d.label, 7);
  EXPECT_EQ(d.score, 1);
}

TEST(Decide, ByClassesIsTheWinnersFusion) {  // sum of sim^9 * probability^10
  const std::vector<std::int64_t> labels{7, 3, 3};
  const std::vector<float> scores{0.9f, 0.85f, 0.8f}, probabilities{0.3f, 0.32f, 0.32f};
  const Decision d = decide(labels, scores, {.vote = Vote::kClasses}, probabilities);
  const double a = std::pow(0.9, 9) * std::pow(0.3, 10),
               b = (std::pow(0.85, 9) + std::pow(0.8, 9)) * std::pow(0.32, 10);
  EXPECT_EQ(d.label, 3);
  EXPECT_NEAR(d.score, b / (a + b), 1e-6);
  EXPECT_THROW(decide(labels, scores, {.vote = Vote::kClasses}), Error);
}

// tools/make_fusion_golden.py says how the file goes.
TEST(Decide, ByClassesEqualsTheWinnersNotebookInNumPy) {
  std::ifstream golden(SHOPLENS_SOURCE_DIR "/tests/golden/recognize/fusion.txt");
  std::size_t queries = 0, networks = 0, classes = 0, neighbours = 0;
  ASSERT_TRUE(golden >> queries >> networks >> classes >> neighbours);
  EXPECT_EQ(queries, 16u);
  for (std::size_t q = 0; q < queries; ++q) {
    std::vector<float> of_classes(classes, 0.0f), similarities(neighbours), probabilities;
    for (std::size_t i = 0; i < networks * classes; ++i) {
      float cosine = 0;
      golden >> cosine;
      of_classes[i % classes] += cosine;
    }
    std::vector<std::int64_t> labels(neighbours);
    for (std::int64_t& label : labels) golden >> label;
    for (float& similarity : similarities) golden >> similarity;
    std::int64_t label = -1;
    double share = -1;
    ASSERT_TRUE(golden >> label >> share) << q;
    keep_likeliest(of_classes);
    for (const std::int64_t l : labels) probabilities.push_back(probability_of(l, of_classes));
    const Decision d = decide(labels, similarities, {.vote = Vote::kClasses}, probabilities);
    EXPECT_EQ(d.label, label) << q;
    EXPECT_NEAR(d.score, share, 1e-5) << q;
  }
}

TEST(KeepLikeliest, LeavesANinthOfFiveAndNextToNothingOfTheRest) {
  std::vector<float> scores{0.9f, 0.09f, 0.81f, 0.18f, 0.72f, 0.63f, 0.27f};
  keep_likeliest(scores);
  const std::vector<float> want{0.1f, 1e-8f, 0.09f, 1e-8f, 0.08f, 0.07f, 0.03f};
  for (std::size_t c = 0; c < want.size(); ++c)
    EXPECT_NEAR(scores[c], want[c], 1e-9 + 1e-6 * want[c]);
  EXPECT_EQ(probability_of(2, scores), scores[2]);
  EXPECT_NEAR(probability_of(-1, scores), 0.074, 1e-6);  // no class: the mean of the five
}

TEST(KeepLikeliest, AClassThatTheNetworksAreAgainstCountsNextToNothing) {
  std::vector<float> scores{0.5f, -0.9f};  // to the power of ten -0.9 would be the greater
  keep_likeliest(scores);
  EXPECT_EQ(scores[1], 1e-8f);
  EXPECT_EQ(probability_of(-1, scores), scores[0]);
}

TEST(Decide, ByClassesWithNoWeightAnywhereIsTop1) {
  const Decision d = decide(std::vector<std::int64_t>{7, 3}, std::vector<float>{-0.1f, -0.2f},
                            {.vote = Vote::kClasses}, std::vector<float>{0.5f, 0.5f});
  EXPECT_EQ(d.label, 7);
}

TEST(Decide, RefusesBadOptions) {
  EXPECT_THROW(decide_of({1}, {1.f}, {Vote::kWeighted, 0, 0.05}), Error);
  EXPECT_THROW(decide_of({1}, {1.f}, {Vote::kWeighted, 1, 0}), Error);
  EXPECT_THROW(vote_from_string("majority"), Error);
}

}  // namespace
}  // namespace shoplens
