// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace shoplens {

/// Groups of photos that show nearly the same: two whose cosine is at least `threshold` share a
/// group, and whoever shares one with either (single linkage). vectors [n, dim], of length 1 -> a
/// group number each, 0, 1, ... in the order of the groups' first rows. Throws kBadInput unless
/// threshold is in (0, 1].
std::vector<std::int64_t> near_duplicate_groups(std::span<const float> vectors, int dim,
                                                double threshold);

/// Groups in which rows are together that are so in `a` or in `b`, and whoever is with either. a,
/// b [n], any numbers -> a group number each, as above.
std::vector<std::int64_t> joined_groups(std::span<const std::int64_t> a,
                                        std::span<const std::int64_t> b);

}  // namespace shoplens
