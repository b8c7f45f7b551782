// SPDX-License-Identifier: Apache-2.0
#include "index/vector_index.h"

#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace shoplens {

void l2_normalize(std::span<float> vectors, int dim) {
  check(dim > 0 && vectors.size() % static_cast<std::size_t>(dim) == 0,
        "l2_normalize: want a multiple of dim ", dim, " floats, got ", vectors.size());
  for (std::size_t first = 0; first < vectors.size(); first += static_cast<std::size_t>(dim)) {
    const auto vector = vectors.subspan(first, static_cast<std::size_t>(dim));
    double squares = 0;
    for (const float x : vector) squares += static_cast<double>(x) * x;
    if (squares == 0) continue;
    const double length = std::sqrt(squares);
    for (float& x : vector) x = static_cast<float>(x / length);
  }
}

}  // namespace shoplens
