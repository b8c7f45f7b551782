// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/vector_index.h"

namespace shoplens {

/// Tells near which centroids a vector lies, soon: many centroids are looked for as vectors are, by
/// an ApproximateIndex of them, so that now and then another than the nearest is named; always the
/// same, as only the vector and the centroids decide. Thread-safe.
class NearestCentroid {
 public:
  /// centroids [k, dim], of length 1.
  NearestCentroid(std::span<const float> centroids, int dim, int threads);
  /// vectors [n, dim] -> [n], numbers of centroids. On all threads, which search() is not.
  std::vector<std::int32_t> of(std::span<const float> vectors) const;
  /// The k nearest of each vector, the nearest first. The first ones do not depend on k while the
  /// groups that are looked into have as many.
  std::vector<std::vector<Hit>> search(std::span<const float> vectors, int k) const {
    return index_->search(vectors, k);
  }

 private:
  int threads_;
  std::unique_ptr<const VectorIndex> index_;
};

/// Spherical k-means (Dhillon and Modha 2001, doi:10.1023/A:1007612920971) of vectors [n, dim] by
/// their directions: `k` centroids [k, dim] of length 1 that the vectors gather about by cosine.
/// They are learnt from a sample and depend on the vectors only: the same on every machine,
/// whatever the number of threads. Throws kBadInput unless 0 < k <= n.
std::vector<float> k_means(std::span<const float> vectors, int dim, std::int64_t k, int threads);

}  // namespace shoplens
