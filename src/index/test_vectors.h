// SPDX-License-Identifier: Apache-2.0
// Vectors for tests of searches.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"
#include "index/vector_index.h"

namespace shoplens {

inline std::vector<float> random_vectors(std::int64_t count, int dim, std::uint64_t seed) {
  Random random{seed};
  std::vector<float> vectors(static_cast<std::size_t>(count * dim));
  for (float& x : vectors) x = static_cast<float>(random.uniform(-1, 1));
  l2_normalize(vectors, dim);
  return vectors;
}

inline std::span<const float> row(const std::vector<float>& vectors, std::int64_t i, int dim) {
  return std::span(vectors).subspan(static_cast<std::size_t>(i * dim),
                                    static_cast<std::size_t>(dim));
}

inline std::vector<float> scaled(std::vector<float> vectors, double scale) {
  for (float& x : vectors) x = static_cast<float>(x * scale);
  return vectors;
}

// About the least scale of codes, denormals, and nothing at all.
inline constexpr double kScales[] = {0, 1e-44, 1e-38, 1e-36, 1e-34, 1e-33, 1e-30, 1e-20, 1, 1e15};

}  // namespace shoplens
