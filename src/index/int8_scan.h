// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "index/int8_vectors.h"
#include "index/survivors.h"

namespace shoplens {

inline constexpr std::int64_t kNoRow = -1;

/// Offers the vectors of panel `p` to at most kInt8Tile queries, query q's best being survivors[q].
/// row_of(i) is the row of the panel's vector i, or kNoRow when it must not be found; it is asked
/// only for vectors that could be among the best. score_of(q) gives query q's exact scores of rows.
template <class RowOf, class ScoreOf>
void scan_panel(const Int8Kernel& kernel, const Int8Vectors& codes, std::int64_t p,
                std::span<const Int8Query> queries, std::span<Survivors> survivors,
                const RowOf& row_of, const ScoreOf& score_of) {
  const Int8Panel panel = codes.panel(p);
  const std::int64_t size = codes.panel_size(p);
  Int8Query tile[kInt8Tile];
  for (std::size_t q = 0; q < queries.size(); ++q) {
    tile[q] = queries[q];
    tile[q].threshold = survivors[q].threshold();
  }
  alignas(64) float upper[kInt8Tile * kInt8Panel];
  bool any[kInt8Tile];
  kernel.upper_bounds(panel, tile, static_cast<int>(queries.size()), codes.groups(), upper, any);
  for (std::size_t q = 0; q < queries.size(); ++q) {
    if (!any[q]) continue;  // nearly always, once some panels have been seen
    for (int i = 0; i < size; ++i) {
      const float most = upper[q * kInt8Panel + static_cast<std::size_t>(i)];
      if (most < survivors[q].threshold()) continue;
      const std::int64_t row = row_of(i);
      if (row == kNoRow) continue;
      survivors[q].offer(row, most, most - 2 * int8_radius(panel, tile[q], i), score_of(q));
    }
  }
}

}  // namespace shoplens
