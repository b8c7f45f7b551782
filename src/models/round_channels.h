// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>

namespace shoplens {

/// `channels` times `width`, to the nearest multiple of 8 that is not below nine tenths of it.
inline std::int64_t round_channels(std::int64_t channels, double width) {
  const double scaled = static_cast<double>(channels) * width;
  const auto nearest = std::max<std::int64_t>(8, static_cast<std::int64_t>(scaled + 4) / 8 * 8);
  return static_cast<double>(nearest) < 0.9 * scaled ? nearest + 8 : nearest;
}

}  // namespace shoplens
