// SPDX-License-Identifier: Apache-2.0
#include "index/int8_vectors.h"

#include <gtest/gtest.h>

#include "index/inner_product.h"
#include "index/int8_scan.h"
#include "index/test_vectors.h"

namespace shoplens {
namespace {

// Bounds by every instruction set, with radii of less than `radius` at codes of 8 bits. They are of
// the scores of queries brought to length 1.
void expect_bounds(int dim, const std::vector<float>& vectors, const std::vector<float>& queries,
                   double radius) {
  Int8Vectors codes(dim);
  codes.append(vectors);
  const Int8Panel panel = codes.panel(0);
  const auto size = static_cast<int>(codes.panel_size(0));
  for (const Int8Kernel* kernel : supported_int8_kernels()) {
    const Int8Queries encoded(queries, dim, *kernel);
    for (int count = 1; count <= kInt8Tile; ++count) {
      Int8Query tile[kInt8Tile];
      for (int q = 0; q < count; ++q) {
        tile[q] = encoded[static_cast<std::size_t>(q)];
        tile[q].threshold = q % 2 ? 0.0f : -0.05f * panel.max_norm;  // some reach it
      }
      alignas(64) float upper[kInt8Tile * kInt8Panel];
      std::uint64_t reached[kInt8Tile];
      kernel->upper_bounds(panel, tile, count, codes.groups(), upper, reached);
      for (int q = 0; q < count; ++q)
        for (int i = 0; i < size; ++i) {
          const double score =
              tile[q].factor * inner_product(&queries[static_cast<std::size_t>(q * dim)],
                                             &vectors[static_cast<std::size_t>(i * dim)], dim);
          const float most = upper[q * kInt8Panel + i];
          EXPECT_EQ(reached[q] >> i & 1, most >= tile[q].threshold) << kernel->name;
          EXPECT_GE(most, score) << kernel->name;
          EXPECT_LE(most - 2 * int8_radius(panel, tile[q], i), score) << kernel->name;
          EXPECT_LT(int8_radius(panel, tile[q], i), radius * 127 / kernel->max_query_code);
        }
    }
  }
}

TEST(Int8Vectors, BoundsHoldAndAreTight) {
  for (const int dim : {124, 128})  // of an odd number of groups, and of an even one
    expect_bounds(dim, random_vectors(64, dim, 40), random_vectors(6, dim, 41), 0.025);
}

TEST(Int8Vectors, BoundsHoldAndAreTightAtAnyOneScale) {
  for (const int dim : {124, 128}) {
    const auto vectors = random_vectors(64, dim, 40), queries = random_vectors(6, dim, 41);
    for (const double scale : kScales)
      for (const double query_scale : {1e-44, 1.0, 1e15})
        // Below 1e-33 there are no codes, and a vector is all rest.
        expect_bounds(dim, scaled(vectors, scale), scaled(queries, query_scale),
                      (scale < 1e-33 ? 1.1 : 0.025) * scale + 2e-36);
  }
}

TEST(Int8Vectors, SumsOfTheLargestCodesFit) {
  for (const int dim : {12, 16, 1024}) {
    std::vector<float> vectors, queries;
    for (int i = 0; i < 16; ++i)  // all signs alike, and every sum of pairs one of four
      for (int j = 0; j < dim; ++j) vectors.push_back(i >> j % 4 & 1 ? -1.0f : 1.0f);
    l2_normalize(vectors, dim);
    queries.assign(vectors.begin(), vectors.begin() + 6 * dim);
    expect_bounds(dim, vectors, queries, 1e-4);
  }
}

}  // namespace
}  // namespace shoplens
