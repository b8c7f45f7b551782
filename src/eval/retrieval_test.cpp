// SPDX-License-Identifier: Apache-2.0
#include "eval/retrieval.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <numeric>
#include <string>

#include "core/error.h"
#include "core/random.h"

namespace shoplens {
namespace {

struct Problem {
  int dim = 1;
  std::vector<float> queries, gallery;
  std::vector<std::int64_t> query_labels, gallery_labels;
  RetrievalMetrics evaluate(int threads) const {
    return evaluate_retrieval({queries, query_labels}, {gallery, gallery_labels}, dim, threads);
  }
};

// Components are small whole numbers: scores are exact in float and in double, and many are equal.
Problem random_problem(int queries, int gallery, int dim, int labels, int values,
                       std::uint64_t seed) {
  Random random{seed};
  Problem problem{
      .dim = dim, .queries = {}, .gallery = {}, .query_labels = {}, .gallery_labels = {}};
  for (int i = 0; i < queries; ++i) problem.query_labels.push_back(random.integer(0, labels));
  for (int i = 0; i < gallery; ++i) problem.gallery_labels.push_back(random.integer(1, labels + 1));
  for (int i = 0; i < queries * dim; ++i)
    problem.queries.push_back(static_cast<float>(random.integer(-values, values)));
  for (int i = 0; i < gallery * dim; ++i)
    problem.gallery.push_back(static_cast<float>(random.integer(-values, values)));
  return problem;
}

// The definition: the whole ranking sorted, precision counted down it.
RetrievalMetrics oracle(const Problem& problem) {
  RetrievalMetrics metrics;
  const std::size_t dim = static_cast<std::size_t>(problem.dim),
                    gallery = problem.gallery_labels.size();
  for (std::size_t q = 0; q < problem.query_labels.size(); ++q) {
    std::vector<double> score(gallery);
    for (std::size_t g = 0; g < gallery; ++g)
      for (std::size_t j = 0; j < dim; ++j)
        score[g] += double{problem.queries[q * dim + j]} * problem.gallery[g * dim + j];
    std::vector<std::size_t> ranking(gallery);
    std::iota(ranking.begin(), ranking.end(), std::size_t{0});
    std::stable_sort(ranking.begin(), ranking.end(),
                     [&](auto a, auto b) { return score[a] > score[b]; });
    double precisions = 0;
    int relevant = 0;
    for (std::size_t i = 0; i < gallery; ++i) {
      if (problem.gallery_labels[ranking[i]] != problem.query_labels[q]) continue;
      if (relevant == 0 && i < 1) metrics.recall_at_1 += 1;
      if (relevant == 0 && i < 5) metrics.recall_at_5 += 1;
      precisions += ++relevant / static_cast<double>(i + 1);
    }
    if (relevant > 0) metrics.map += precisions / relevant;
    metrics.predicted.push_back(problem.gallery_labels[ranking[0]]);
  }
  const auto queries = static_cast<double>(problem.query_labels.size());
  metrics.recall_at_1 /= queries;
  metrics.recall_at_5 /= queries;
  metrics.map /= queries;
  return metrics;
}

TEST(Retrieval, EqualsTheDefinitionWithTies) {
  std::uint64_t seed = 0;
  for (const int gallery : {1, 2, 63, 64, 65, 300})
    for (const int labels : {1, 4, 40})
      for (const int values : {0, 1, 9}) {  // 0: all scores equal
        const Problem problem = random_problem(75, gallery, 4, labels, values, ++seed);
        const RetrievalMetrics want = oracle(problem), got = problem.evaluate(3);
        EXPECT_EQ(got.queries, 75);
        EXPECT_EQ(got.gallery, gallery);
        EXPECT_DOUBLE_EQ(got.recall_at_1, want.recall_at_1);
        EXPECT_DOUBLE_EQ(got.recall_at_5, want.recall_at_5);
        EXPECT_NEAR(got.map, want.map, 1e-12);
        EXPECT_EQ(got.predicted, want.predicted);
        EXPECT_EQ(got.macro_f1, macro_f1(problem.query_labels, got.predicted));
      }
}

TEST(Retrieval, DoesNotDependOnThreads) {
  const Problem problem = random_problem(500, 1000, 16, 20, 3, 99);
  const RetrievalMetrics one = problem.evaluate(1), many = problem.evaluate(8);
  EXPECT_EQ(one.map, many.map);
  EXPECT_EQ(one.predicted, many.predicted);
}

TEST(Retrieval, KnowsTheSimpleCases) {
  // One query; its label stands at ranks 2 and 4: AP = (1/2 + 2/4) / 2.
  Problem problem{.dim = 1,
                  .queries = {1},
                  .gallery = {4, 3, 2, 1},
                  .query_labels = {7},
                  .gallery_labels = {1, 7, 1, 7}};
  RetrievalMetrics metrics = problem.evaluate(1);
  EXPECT_EQ(metrics.recall_at_1, 0);
  EXPECT_EQ(metrics.recall_at_5, 1);
  EXPECT_EQ(metrics.map, 0.5);
  EXPECT_EQ(metrics.predicted, std::vector<std::int64_t>{1});
  problem.query_labels = {9};  // not in the gallery
  metrics = problem.evaluate(1);
  EXPECT_EQ(metrics.recall_at_5, 0);
  EXPECT_EQ(metrics.map, 0);
  problem.gallery = {-0.0f, 0, 0, 0};  // -0 and 0 are equal: rank by row
  problem.query_labels = {1};
  EXPECT_EQ(problem.evaluate(1).recall_at_1, 1);
}

TEST(Retrieval, RefusesWhatCannotBeCompared) {
  const Problem good = random_problem(3, 3, 2, 1, 1, 1);
  Problem bad = good;
  bad.gallery.pop_back();
  EXPECT_THROW(bad.evaluate(1), Error);
  bad = good;
  bad.queries[1] = std::nanf("");
  EXPECT_THROW(bad.evaluate(1), Error);
  bad = good;
  bad.gallery.clear();
  bad.gallery_labels.clear();
  EXPECT_THROW(bad.evaluate(1), Error);
}

class RetrievalGolden : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = std::string(SHOPLENS_SOURCE_DIR) + "/tests/golden/eval/retrieval.txt";
    file_.open(path);
    ASSERT_TRUE(file_) << path;
    std::string versions;
    std::getline(file_, versions);
    std::size_t queries = 0, gallery = 0;
    file_ >> problem_.dim >> queries >> gallery;
    read_set(queries, problem_.query_labels, problem_.queries);
    read_set(gallery, problem_.gallery_labels, problem_.gallery);
  }
  void read_set(std::size_t count, std::vector<std::int64_t>& labels,
                std::vector<float>& embeddings) {
    for (std::size_t i = 0; i < count; ++i) {
      labels.push_back(0);
      file_ >> labels.back();
      for (int j = 0; j < problem_.dim; ++j) {
        embeddings.push_back(0);
        file_ >> embeddings.back();
      }
    }
  }
  double number() {
    double value = -1;
    EXPECT_TRUE(file_ >> value);
    return value;
  }

  std::ifstream file_;
  Problem problem_;
};

TEST_F(RetrievalGolden, EqualsScikitLearn) {
  const RetrievalMetrics metrics = problem_.evaluate(2);
  EXPECT_DOUBLE_EQ(metrics.recall_at_1, number());
  EXPECT_DOUBLE_EQ(metrics.recall_at_5, number());
  double sum = 0;
  for (std::int64_t q = 0; q < metrics.queries; ++q) sum += number();
  EXPECT_NEAR(metrics.map, sum / static_cast<double>(metrics.queries), 1e-12);
  EXPECT_NEAR(metrics.macro_f1, number(), 1e-12);
  const auto labels = label_metrics(problem_.query_labels, metrics.predicted);
  ASSERT_EQ(labels.size(), 6u);
  for (const LabelMetrics& label : labels) {
    EXPECT_EQ(static_cast<double>(label.label), number());
    EXPECT_EQ(static_cast<double>(label.queries), number());
    EXPECT_NEAR(label.precision, number(), 1e-12);
    EXPECT_NEAR(label.recall_at_1, number(), 1e-12);
    EXPECT_NEAR(label.f1, number(), 1e-12);
  }
}

TEST(LabelMetrics, OfNothingAreNone) {
  EXPECT_TRUE(label_metrics({}, {}).empty());
  EXPECT_EQ(macro_f1({}, {}), 0);
  EXPECT_THROW(macro_f1(std::vector<std::int64_t>{1}, {}), Error);
}

}  // namespace
}  // namespace shoplens
