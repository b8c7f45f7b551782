// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

namespace shoplens {

/// How far one set of photos is from another in an embedding: whether figures measured on `a` will
/// hold on `b`.
struct ShiftEstimate {
  double nearest_a = 0, nearest_b = 0;  // mean cosine to the nearest gallery photo
  double nearest_distance = 0;  // Kolmogorov-Smirnov distance of those cosines, 0 (alike) to 1
  double nearest_distance_by_chance = 0;  // 95% of draws from one and the same set stay below it
  double told_apart = 0;            // share of photos whose nearest other photo is of their own set
  double told_apart_by_chance = 0;  // what 97.5% of draws from one and the same set stay below

  /// b is another kind of photos than a, and lies further from the gallery: both by more than
  /// chance.
  bool flatters() const {
    return told_apart > told_apart_by_chance && nearest_a > nearest_b &&
           nearest_distance > nearest_distance_by_chance;
  }
};

/// a [n, dim], b [m, dim], gallery [g, dim], of length 1; sets are thinned out to the same size to
/// be told apart. Chance takes photos as independent draws: of a burst of near-duplicates
/// (`shoplens groups`) keep one.
///   nearest_distance D: the two-sample Kolmogorov-Smirnov test; by chance D < c sqrt((n + m) / nm)
///     with 2 exp(-2 c^2) = 0.05 (Smirnov 1948, Ann. Math. Stat. 19, p. 279), which leaves small
///     sets in doubt rather than calls them different.
///   told_apart: the two-sample test of Lopez-Paz and Oquab 2017, arXiv:1610.06545, with the
///     nearest neighbour as classifier.
/// Throws kBadInput for a side of fewer than 2.
ShiftEstimate estimate_shift(std::span<const float> a, std::span<const float> b,
                             std::span<const float> gallery, int dim);

}  // namespace shoplens
