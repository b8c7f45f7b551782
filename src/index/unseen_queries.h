// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace shoplens {

/// `count` queries as photos would give that are not among the vectors [n, dim], drawn from a
/// sequence that is always the same: a vector, moved along the difference of two others until its
/// cosine to what it was is .65. Each of length 1.
///
/// A vector itself is too easy a query: its neighbours are further photos from the same day, in the
/// same cell. Of real photos' neighbours, as many cells as hold .99 for such vectors held .85 to
/// .94, as many as for these queries .991 and more (docs/scaling.md). A difference of two has the
/// spread of the vectors in every direction, as what sets a customer's photo apart from the
/// catalogue's has.
std::vector<float> unseen_queries(std::span<const float> vectors, int dim, std::int64_t count);

}  // namespace shoplens
