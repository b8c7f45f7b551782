// SPDX-License-Identifier: Apache-2.0
#include "ranking/k_reciprocal.h"

#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

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

TEST(KReciprocal, EqualsTheDefinition) {  // tools/make_ranking_goldens.py, dense NumPy
  std::ifstream file(SHOPLENS_SOURCE_DIR "/tests/golden/ranking/k_reciprocal.txt");
  int n = 0, q = 0, dim = 0;
  KReciprocalOptions options;
  ASSERT_TRUE(file >> n >> q >> dim >> options.k1 >> options.k2 >> options.lambda);
  std::vector<float> gallery(static_cast<std::size_t>(n * dim)),
      queries(static_cast<std::size_t>(q * dim));
  for (auto* set : {&gallery, &queries})
    for (float& x : *set) file >> x;
  const KReciprocal k_reciprocal(nearest(gallery, dim, gallery, options.k1 + 1), options);
  for (const auto& hits : nearest(gallery, dim, queries, n)) {
    for (const Hit& hit : k_reciprocal.rerank(hits)) {
      std::int64_t want = -1;
      ASSERT_TRUE(file >> want);
      EXPECT_EQ(hit.id, want);
    }
  }
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
