// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "index/exact_index.h"

namespace shoplens {

/// Tells near which centroids a vector lies, soon: of many centroids it looks only at those in the
/// groups nearest to the vector, so that now and then another than the nearest is named; always
/// the same, as only the vector and the centroids decide. Thread-safe.
class NearestCentroid {
 public:
  /// centroids [k, dim], of length 1.
  NearestCentroid(std::span<const float> centroids, int dim, int threads);
  /// vectors [n, dim] -> [n], numbers of centroids.
  std::vector<std::int32_t> of(std::span<const float> vectors) const;
  /// The k nearest of each vector in turn, the nearest first; fewer where the groups looked into
  /// have fewer. The first ones do not depend on k.
  std::vector<std::vector<Hit>> search(std::span<const float> vectors, int k) const;

 private:
  int dim_;
  ExactIndex leaders_;              // of the groups
  std::vector<ExactIndex> groups_;  // of centroids, by their numbers
};

/// Spherical k-means (Dhillon and Modha 2001, doi:10.1023/A:1007612920971) of vectors [n, dim] by
/// their directions: `k` centroids [k, dim] of length 1 that the vectors gather about by cosine.
/// They are learnt from a sample and depend on the vectors only: the same on every machine,
/// whatever the number of threads. Throws kBadInput unless 0 < k <= n.
std::vector<float> k_means(std::span<const float> vectors, int dim, std::int64_t k, int threads);

}  // namespace shoplens
