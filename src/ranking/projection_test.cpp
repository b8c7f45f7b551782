// SPDX-License-Identifier: Apache-2.0
#include "ranking/projection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "core/error.h"
#include "core/random.h"
#include "index/inner_product.h"
#include "ranking/test_vectors.h"

namespace shoplens {
namespace {

TEST(Project, WithoutWeightsOrMapChangesNoBit) {
  const auto vectors = clustered_vectors(20, 8, 3, 0.3, 1);
  const Block blocks[] = {{3, 2.0}, {5, 2.0}};
  EXPECT_EQ(project(vectors, blocks, {}), vectors);
}

TEST(Project, CosineIsTheWeightedMeanOfTheBlocks) {
  auto a = clustered_vectors(4, 6, 2, 0.5, 1), b = clustered_vectors(4, 3, 2, 0.5, 2);
  std::vector<float> joint;
  for (std::size_t i = 0; i < 4; ++i) {
    joint.insert(joint.end(), a.begin() + static_cast<std::ptrdiff_t>(i * 6),
                 a.begin() + static_cast<std::ptrdiff_t>(i * 6 + 6));
    joint.insert(joint.end(), b.begin() + static_cast<std::ptrdiff_t>(i * 3),
                 b.begin() + static_cast<std::ptrdiff_t>(i * 3 + 3));
  }
  l2_normalize(joint, 9);
  const Block blocks[] = {{6, 3.0}, {3, 1.0}};
  const auto out = project(joint, blocks, {});
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      EXPECT_NEAR(inner_product(&out[i * 9], &out[j * 9], 9),
                  0.75 * inner_product(&a[i * 6], &a[j * 6], 6) +
                      0.25 * inner_product(&b[i * 3], &b[j * 3], 3),
                  1e-6);
}

TEST(Project, AVectorBecomesTheSameAloneAndAmongOthers) {
  const int dim = 70, n = 50, out = 67;
  const auto vectors = clustered_vectors(n, dim, 9, 0.4, 4);
  Random random{5};
  AffineMap map{out, std::vector<float>(out * (dim + 1))};
  for (float& x : map.matrix) x = static_cast<float>(random.uniform(-1, 1));
  const Projection projection({{30, 1.0}, {40, 2.0}}, map);
  EXPECT_EQ(projection.dim(), out);
  const auto together = projection(vectors);
  for (const std::size_t count : {1, 2, 7})
    for (std::size_t first = 0; first + count <= n; ++first) {
      const auto some = std::span(vectors).subspan(first * dim, count * dim);
      EXPECT_TRUE(std::ranges::equal(projection({some.begin(), some.end()}),
                                     std::span(together).subspan(first * out, count * out)));
    }
}

TEST(Project, RefusesWhatDoesNotFit) {
  const Block blocks[] = {{4, 1.0}};
  EXPECT_THROW(project(std::vector<float>(6), blocks, {}), Error);
  EXPECT_THROW(project(std::vector<float>(8), blocks, {2, std::vector<float>(8)}), Error);
}

// y = map(x) before it is brought to length 1.
std::vector<double> map_one(const AffineMap& map, const float* x, int dim) {
  std::vector<double> y;
  for (int o = 0; o < map.out; ++o) {
    const float* const row = map.matrix.data() + o * (dim + 1);
    y.push_back(inner_product(row, x, dim) + row[dim]);
  }
  return y;
}

TEST(LearnWhitening, GivesUncorrelatedComponentsOfVarianceOne) {
  const int dim = 12, out = 7;
  for (const int n : {400, 12, 9}) {  // also of fewer vectors than components
    const auto vectors = clustered_vectors(n, dim, 9, 0.4, 3);
    const AffineMap map = learn_whitening(vectors, dim, out, 1);
    std::vector<std::vector<double>> y;
    for (int i = 0; i < n; ++i)
      y.push_back(map_one(map, &vectors[static_cast<std::size_t>(i * dim)], dim));
    for (std::size_t a = 0; a < out; ++a)
      for (std::size_t b = 0; b <= a; ++b) {
        double mean = 0, product = 0;
        for (const auto& row : y) mean += row[a] / n, product += row[a] * row[b] / n;
        EXPECT_NEAR(mean, 0, 1e-4);
        EXPECT_NEAR(product, a == b ? 1 : 0, 1e-3) << n << " " << a << " " << b;
      }
  }
}

// The largest of few vectors' components is that of the same vectors many times over.
TEST(LearnWhitening, OfFewVectorsIsThatOfTheSameManyTimes) {
  const int dim = 20, n = 8, out = 6;
  const auto few = clustered_vectors(n, dim, 8, 0.4, 6);
  std::vector<float> many;
  for (int i = 0; i < 5; ++i) many.insert(many.end(), few.begin(), few.end());
  const auto a = learn_whitening(few, dim, out, 0.5), b = learn_whitening(many, dim, out, 0.5);
  for (std::size_t i = 0; i < a.matrix.size(); ++i)
    EXPECT_NEAR(a.matrix[i], b.matrix[i], 1e-4 * std::max(1.0f, std::abs(b.matrix[i])));
}

TEST(LearnWhitening, WithoutWhiteningKeepsDistances) {  // PCA with all components is a rotation
  const int dim = 5, n = 60;
  const auto vectors = clustered_vectors(n, dim, 4, 0.5, 4);
  const AffineMap map = learn_whitening(vectors, dim, dim, 0);
  for (std::size_t i = 1; i < n; ++i) {
    const auto a = map_one(map, &vectors[0], dim), b = map_one(map, &vectors[i * dim], dim);
    double before = 0, after = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      before += std::pow(double{vectors[j]} - vectors[i * dim + j], 2);
      after += std::pow(a[j] - b[j], 2);
    }
    EXPECT_NEAR(after, before, 1e-5);
  }
}

TEST(LearnWhitening, EqualsNumPy) {  // tools/make_ranking_goldens.py
  std::ifstream file(SHOPLENS_SOURCE_DIR "/tests/golden/ranking/whitening.txt");
  int n = 0, dim = 0, out = 0;
  double whiten = 0;
  ASSERT_TRUE(file >> n >> dim >> out >> whiten);
  std::vector<float> vectors(static_cast<std::size_t>(n * dim));
  for (float& x : vectors) file >> x;
  const AffineMap map = learn_whitening(vectors, dim, out, whiten);
  for (const float value : map.matrix) {
    double want = 0;
    ASSERT_TRUE(file >> want);
    EXPECT_NEAR(value, want, 1e-4 * std::max(1.0, std::abs(want)));
  }
}

TEST(LearnWhitening, RefusesMoreComponentsThanThereAre) {
  EXPECT_THROW(learn_whitening(std::vector<float>(40), 4, 5, 1), Error);
  EXPECT_THROW(learn_whitening(std::vector<float>(16), 4, 4, 1), Error);
}

}  // namespace
}  // namespace shoplens
