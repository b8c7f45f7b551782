// SPDX-License-Identifier: Apache-2.0
#include "ranking/k_reciprocal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>

#include "core/error.h"
#include "index/exact_index.h"
#include "ranking/test_vectors.h"

namespace shoplens {
namespace {

std::vector<std::vector<Hit>> nearest(const std::vector<float>& gallery, int dim,
                                      std::span<const float> queries, int k) {
  ExactIndex index(dim, 1);
  std::vector<std::int64_t> rows(gallery.size() / static_cast<std::size_t>(dim));
  std::iota(rows.begin(), rows.end(), 0);
  index.add(rows, gallery);
  return index.search(queries, k);
}

// tools/make_ranking_goldens.py, dense NumPy: photos of label row % 6, and what queries find by our
// definition and by the paper's own.
class KReciprocalGolden : public testing::Test {
 protected:
  using Rankings = std::vector<std::vector<std::int64_t>>;

  void SetUp() override {
    std::ifstream file(SHOPLENS_SOURCE_DIR "/tests/golden/ranking/k_reciprocal.txt");
    std::size_t n = 0, q = 0;
    KReciprocalOptions options;
    ASSERT_TRUE(file >> n >> q >> dim_ >> options.k1 >> options.k2 >> options.lambda);
    std::vector<float> gallery(n * static_cast<std::size_t>(dim_)),
        queries(q * static_cast<std::size_t>(dim_));
    for (auto* set : {&gallery, &queries})
      for (float& x : *set) file >> x;
    for (auto* rankings : {&defined_, &paper_}) {
      rankings->assign(q, std::vector<std::int64_t>(n));
      for (auto& ranking : *rankings)
        for (std::int64_t& row : ranking) file >> row;
    }
    ASSERT_TRUE(file);
    const KReciprocal k_reciprocal(nearest(gallery, dim_, gallery, options.k1 + 1), options);
    const auto rows_of = [](const std::vector<Hit>& hits) {
      std::vector<std::int64_t> rows;
      for (const Hit& hit : hits) rows.push_back(hit.id);
      return rows;
    };
    for (const auto& hits : nearest(gallery, dim_, queries, static_cast<int>(n))) {
      by_cosine_.push_back(rows_of(hits));
      ours_.push_back(rows_of(k_reciprocal.rerank(hits)));
    }
  }

  static double mean_average_precision(const Rankings& rankings) {
    double sum = 0;
    for (std::size_t q = 0; q < rankings.size(); ++q) {
      double right = 0, precision = 0;
      for (std::size_t i = 0; i < rankings[q].size(); ++i)
        if (rankings[q][i] % 6 == static_cast<std::int64_t>(q % 6))
          precision += ++right / static_cast<double>(i + 1);
      sum += precision / right;
    }
    return sum / static_cast<double>(rankings.size());
  }

  // Mean share of the first ten that two rankings have in common.
  static double common_in_ten(const Rankings& a, const Rankings& b) {
    double common = 0;
    for (std::size_t q = 0; q < a.size(); ++q) {
      const std::set<std::int64_t> ten(a[q].begin(), a[q].begin() + 10);
      common += static_cast<double>(std::count_if(b[q].begin(), b[q].begin() + 10,
                                                  [&](auto row) { return ten.contains(row); }));
    }
    return common / (10 * static_cast<double>(a.size()));
  }

  int dim_ = 0;
  Rankings by_cosine_, ours_, defined_, paper_;
};

TEST_F(KReciprocalGolden, EqualsTheDefinition) { EXPECT_EQ(ours_, defined_); }

TEST_F(KReciprocalGolden, GainsWhatThePapersOwnDoes) {
  const double cosine = mean_average_precision(by_cosine_), ours = mean_average_precision(ours_),
               paper = mean_average_precision(paper_);
  EXPECT_GT(paper, cosine + 0.03) << cosine;
  EXPECT_NEAR(ours, paper, 0.01) << cosine;
  EXPECT_GT(common_in_ten(ours_, paper_), 0.93);
  EXPECT_LT(common_in_ten(by_cosine_, paper_), 0.9);
}

TEST(KReciprocal, WithLambda1KeepsTheOrder) {
  const int dim = 6;
  const auto gallery = clustered_vectors(60, dim, 4, 0.6, 1);
  const KReciprocal k_reciprocal(nearest(gallery, dim, gallery, 11), {10, 3, 1});
  for (const auto& hits : nearest(gallery, dim, clustered_vectors(5, dim, 4, 0.6, 2), 60))
    EXPECT_EQ(k_reciprocal.rerank(hits), hits);
}

TEST(KReciprocal, WorksWithFewPhotosAndDoubles) {
  const std::vector<float> gallery{1, 0, 1, 0, 0, 1};
  const KReciprocal k_reciprocal(nearest(gallery, 2, gallery, 21), {20, 6, 0.3});
  const auto hits = nearest(gallery, 2, std::vector<float>{0.6f, 0.8f}, 20)[0];
  EXPECT_EQ(k_reciprocal.rerank(hits).size(), 3u);
  EXPECT_TRUE(k_reciprocal.rerank({}).empty());
}

TEST(KReciprocal, RefusesNumbersOutOfRange) {
  EXPECT_THROW(KReciprocal({}, {1, 1, 0.3}), Error);
  EXPECT_THROW(KReciprocal({}, {20, 0, 0.3}), Error);
  EXPECT_THROW(KReciprocal({}, {20, 6, 1.5}), Error);
}

}  // namespace
}  // namespace shoplens
