// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "index/int8_vectors.h"
#include "index/survivors.h"

namespace shoplens {

inline constexpr std::int64_t kNoRow = -1;

/// A query in a scan, and its best so far.
struct Look {
  const float* vector;     // [dim]
  const Int8Query* codes;  // of it
  Survivors* best;
};

/// Offers the vectors of panel `p` to at most kInt8Tile queries. row_of(i) is the row of the
/// panel's vector i, or kNoRow when it must not be found; it is asked only for vectors that could
/// be among the best. score(query, row) is a query's exact score.
template <class RowOf, class Score>
void scan_panel(const Int8Kernel& kernel, const Int8Vectors& codes, std::int64_t p,
                std::span<const Look> looks, const RowOf& row_of, const Score& score) {
  const Int8Panel panel = codes.panel(p);
  const std::uint64_t full = ~std::uint64_t{0} >> (kInt8Panel - codes.panel_size(p));
  Int8Query tile[kInt8Tile];
  for (std::size_t q = 0; q < looks.size(); ++q) {
    tile[q] = *looks[q].codes;
    tile[q].threshold = looks[q].best->threshold();
  }
  alignas(64) float upper[kInt8Tile * kInt8Panel];
  std::uint64_t reached[kInt8Tile];
  kernel.upper_bounds(panel, tile, static_cast<int>(looks.size()), codes.groups(), upper, reached);
  for (std::size_t q = 0; q < looks.size(); ++q) {
    Survivors& best = *looks[q].best;
    const auto score_of = [&](std::int64_t row) { return score(looks[q].vector, row); };
    // Nearly always none, once some panels have been seen.
    for (std::uint64_t left = reached[q] & full; left != 0; left &= left - 1) {
      const int i = std::countr_zero(left);
      const float most = upper[q * kInt8Panel + static_cast<std::size_t>(i)];
      if (most < best.threshold()) continue;
      const std::int64_t row = row_of(i);
      if (row == kNoRow) continue;
      best.offer(row, most, most - 2 * int8_radius(panel, tile[q], i), score_of);
    }
  }
}

}  // namespace shoplens
