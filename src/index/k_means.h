// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "index/exact_index.h"

namespace shoplens {

/// The nearest of `centroids`, whose ids are their numbers, to each of vectors [n, dim] -> [n].
std::vector<std::int32_t> nearest_centroids(const ExactIndex& centroids,
                                            std::span<const float> vectors);

/// Spherical k-means (Dhillon and Modha 2001, doi:10.1023/A:1007612920971) of vectors [n, dim] by
/// their directions: `k` centroids [k, dim] of length 1 that the vectors gather about by cosine.
/// They are learnt from a sample and depend on the vectors only: the same on every machine,
/// whatever the number of threads. Throws kBadInput unless 0 < k <= n.
std::vector<float> k_means(std::span<const float> vectors, int dim, std::int64_t k, int threads);

}  // namespace shoplens
