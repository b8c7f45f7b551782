// SPDX-License-Identifier: Apache-2.0
#include "ranking/ranking.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "index/inner_product.h"
#include "ranking/test_vectors.h"

namespace shoplens {
namespace {

constexpr int kDim = 10;

const float* row(const std::vector<float>& vectors, std::int64_t i) {
  return vectors.data() + i * kDim;
}

// The definition: x + sum over its k nearest of cosine^alpha * neighbour, over the length; `self`
// is the row not to count.
std::vector<float> expanded(const float* x, const std::vector<float>& gallery, int k, double alpha,
                            std::int64_t self) {
  std::vector<std::pair<double, std::int64_t>> order;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(gallery.size()) / kDim; ++i)
    if (i != self) order.emplace_back(-inner_product(x, row(gallery, i), kDim), i);
  std::sort(order.begin(), order.end());
  std::vector<float> sum(x, x + kDim);
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < kDim; ++j)
      sum[static_cast<std::size_t>(j)] += static_cast<float>(
          std::pow(static_cast<float>(-order[static_cast<std::size_t>(i)].first), alpha) *
          row(gallery, order[static_cast<std::size_t>(i)].second)[j]);
  l2_normalize(sum, kDim);
  return sum;
}

void expect_near(const float* got, const std::vector<float>& want) {
  for (std::size_t j = 0; j < want.size(); ++j) EXPECT_NEAR(got[j], want[j], 1e-6);
}

TEST(Ranking, PlainIsTheIndexItself) {
  const auto gallery = clustered_vectors(50, kDim, 5, 0.3, 1),
             queries = clustered_vectors(7, kDim, 5, 0.3, 2);
  const Ranking ranking(gallery, kDim, {}, 1);
  ExactIndex index(kDim, 1);
  std::vector<std::int64_t> ids(50);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
  index.add(ids, gallery);
  EXPECT_EQ(ranking.expand(queries), queries);
  EXPECT_EQ(ranking.vectors(), gallery);
  EXPECT_EQ(ranking.search(queries, 4), index.search(queries, 4));
}

TEST(Ranking, ExpandsQueries) {
  const auto gallery = clustered_vectors(50, kDim, 5, 0.3, 1),
             queries = clustered_vectors(7, kDim, 5, 0.3, 2);
  const Ranking ranking(gallery, kDim, {.augment = {}, .expand = {4, 2.5}, .k_reciprocal = {}}, 1);
  const auto got = ranking.expand(queries);
  for (std::int64_t q = 0; q < 7; ++q)
    expect_near(row(got, q), expanded(row(queries, q), gallery, 4, 2.5, -1));
}

TEST(Ranking, AugmentsTheGalleryWithoutCountingAPhotoTwice) {
  auto gallery = clustered_vectors(30, kDim, 5, 0.3, 1);
  gallery.insert(gallery.end(), gallery.begin(), gallery.begin() + kDim);  // a double of row 0
  const Ranking ranking(gallery, kDim, {.augment = {3, 3}, .expand = {}, .k_reciprocal = {}}, 1);
  for (std::int64_t i = 0; i < 31; ++i)
    expect_near(row(ranking.vectors(), i), expanded(row(gallery, i), gallery, 3, 3, i));
}

TEST(Ranking, RefusesNegativeNumbers) {
  EXPECT_THROW(Ranking(std::vector<float>(kDim), kDim,
                       {.augment = {-1, 3}, .expand = {}, .k_reciprocal = {}}),
               Error);
}

TEST(Ranking, FindsTheAskedShareOfALargeGallery) {
  const auto gallery = clustered_vectors(Ranking::kFewestInCells, kDim, 200, 0.3, 1),
             queries = clustered_vectors(300, kDim, 200, 0.3, 2);
  const auto file = std::filesystem::temp_directory_path() /
                    ("shoplens_ranking_" + std::to_string(::getpid()) + ".cells");
  const RankingOptions options{.augment = {}, .expand = {}, .k_reciprocal = {}, .recall = 0.95};
  Ranking exact(gallery, kDim, {}, 2), ranking(gallery, kDim, options, 2, file);
  EXPECT_EQ(Ranking(gallery, kDim, options, 2).report().cells, 0);  // nowhere to keep an index
  EXPECT_EQ(exact.report().cells, 0);
  EXPECT_EQ(exact.recall(queries, 10), 1);
  EXPECT_LT(ranking.report().probes, ranking.report().cells / 4);
  EXPECT_GE(ranking.report().recall, 0.95);
  EXPECT_GT(ranking.recall(queries, 10), 0.93);

  const Ranking before = ranking;
  const std::vector<std::int64_t> gone{1, 5, 77}, ids{100000};
  const std::vector<float> one(queries.begin(), queries.begin() + kDim);
  ranking.remove(gone);
  ranking.add(ids, one);
  EXPECT_EQ(ranking.search(one, 1)[0][0].id, 100000);
  EXPECT_EQ(before.search(queries, 10),
            Ranking(gallery, kDim, options, 2, file).search(queries, 10));
  std::filesystem::remove(file);
}

TEST(Ranking, FindsOnlyWhatIsAllowed) {
  const auto gallery = clustered_vectors(50, kDim, 5, 0.3, 1);
  const Ranking ranking(gallery, kDim, {}, 1);
  const auto found = ranking.search(gallery, 20, [](std::int64_t id) { return id < 9; });
  EXPECT_EQ(found[30].size(), 9u);
  for (const Hit& hit : found[30]) EXPECT_LT(hit.id, 9);
}

TEST(Ranking, ReRankingGivesTheSameHitsInAnotherOrder) {
  const auto gallery = clustered_vectors(300, kDim, 10, 0.5, 1),
             queries = clustered_vectors(40, kDim, 10, 0.5, 2);
  const Ranking plain(gallery, kDim, {}, 1),
      reranked(gallery, kDim,
               {.augment = {}, .expand = {}, .rerank = true, .k_reciprocal = {20, 6, 0.3}}, 1);
  const auto before = plain.search(queries, Ranking::kReranked),
             after = reranked.search(queries, Ranking::kReranked);
  const auto hits_at_1 = [](const auto& lists) {  // row i lies about centre i % 10
    int hits = 0;
    for (std::size_t q = 0; q < lists.size(); ++q)
      hits += lists[q][0].id % 10 == static_cast<int>(q) % 10;
    return hits;
  };
  int moved = 0;
  for (std::size_t q = 0; q < before.size(); ++q) {
    auto a = before[q], b = after[q];
    moved += a != b;
    const auto by_id = [](const Hit& x, const Hit& y) { return x.id < y.id; };
    std::sort(a.begin(), a.end(), by_id);
    std::sort(b.begin(), b.end(), by_id);
    EXPECT_EQ(a, b);
  }
  EXPECT_GT(moved, 30);
  EXPECT_GE(hits_at_1(after), hits_at_1(before));
  EXPECT_EQ(reranked.search(queries, 3)[5].size(), 3u);
}

}  // namespace
}  // namespace shoplens
