// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <vector>

#include "core/random.h"
#include "index/vector_index.h"

namespace shoplens {

/// [count, dim] unit vectors in `clusters` clusters: row i lies about centre i % clusters.
inline std::vector<float> clustered_vectors(int count, int dim, int clusters, double noise,
                                            std::uint64_t seed) {
  Random centre_random{1}, random{seed, 2};
  std::vector<float> centres(static_cast<std::size_t>(clusters * dim)), vectors;
  for (float& x : centres) x = static_cast<float>(centre_random.uniform(-1, 1));
  l2_normalize(centres, dim);
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < dim; ++j)
      vectors.push_back(centres[static_cast<std::size_t>(i % clusters * dim + j)] +
                        static_cast<float>(random.uniform(-noise, noise)));
  l2_normalize(vectors, dim);
  return vectors;
}

}  // namespace shoplens
