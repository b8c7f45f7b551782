// SPDX-License-Identifier: Apache-2.0
#include "index/vector_index.h"

#include <bit>
#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace shoplens {
namespace {

// On bits, because that loop becomes vector instructions; NaN and infinity have larger bits than
// any number.
bool all_usable(std::span<const float> values) {
  constexpr auto kLimit = std::bit_cast<std::uint32_t>(kMaxComponent);
  std::uint32_t bad = 0;
  for (const float x : values) bad |= (std::bit_cast<std::uint32_t>(x) & 0x7fffffffu) > kLimit;
  return bad == 0;
}

}  // namespace

void check_vectors(const char* where, std::span<const float> values, std::int64_t count, int dim) {
  check(values.size() == static_cast<std::size_t>(count * dim), where, ": want ", count,
        " vectors of ", dim, " floats, got ", values.size(), " floats");
  check(all_usable(values), where,
        ": want components from -1e15 to 1e15, got one larger, infinite or NaN");
}

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
