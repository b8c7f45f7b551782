// SPDX-License-Identifier: Apache-2.0
#include "quantize/value_range.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace shoplens {

void ValueRange::see(std::span<const std::int64_t> dims, std::span<const float> data) {
  check(dims.size() >= 2, "quantize: want values [N, C, ...], got ", dims.size(), " dimensions");
  const auto [low, high] = std::minmax_element(data.begin(), data.end());
  low_ = std::min(low_, double{*low}), high_ = std::max(high_, double{*high});
  check(std::isfinite(low_) && std::isfinite(high_), "quantize: want finite values in the network");
  const auto channels = static_cast<std::size_t>(dims[1]);
  const std::size_t plane = data.size() / channels / static_cast<std::size_t>(dims[0]);
  sums_.resize(channels);
  for (std::size_t i = 0; i < data.size(); i += plane) {
    double sum = 0;
    for (std::size_t j = i; j < i + plane; ++j) sum += data[j];
    sums_[i / plane % channels] += sum;
  }
  per_channel_ += dims[0] * static_cast<std::int64_t>(plane);
}

void ValueRange::count(std::span<const float> data) {
  bins_.resize(kBins);
  if (high_ == low_) return;
  const auto inverse = static_cast<float>(1 / bin_width()), low = static_cast<float>(low_);
  for (const float x : data)
    ++bins_[static_cast<std::size_t>(
        std::clamp(static_cast<int>((x - low) * inverse), 0, kBins - 1))];
}

std::vector<float> ValueRange::means() const {
  std::vector<float> means;
  for (const double sum : sums_)
    means.push_back(static_cast<float>(sum / static_cast<double>(per_channel_)));
  return means;
}

double ValueRange::squared_error(const Grid& grid) const {
  double error = 0;
  for (int b = 0; b < kBins; ++b) {
    if (bins_[static_cast<std::size_t>(b)] == 0) continue;
    const double x = low_ + (b + 0.5) * bin_width();
    const double q = std::clamp<double>(std::nearbyint(x / grid.scale) + grid.zero_point, 0, 255);
    const double back = grid.scale * (q - grid.zero_point);
    error += static_cast<double>(bins_[static_cast<std::size_t>(b)]) * (x - back) * (x - back);
  }
  return error;
}

Grid ValueRange::best_grid() const {
  if (bins_.empty()) return grid_between(low_, high_);
  Grid best = grid_between(low_, high_);
  double best_error = squared_error(best);
  for (int high_cut = 0; high_cut < 32; ++high_cut)
    for (int low_cut = 0; low_cut < (low_ < 0 ? 8 : 1); ++low_cut) {
      const Grid grid = grid_between(low_ * (1 - low_cut / 10.0), high_ * (1 - high_cut / 40.0));
      const double error = squared_error(grid);
      if (error < best_error) best = grid, best_error = error;
    }
  return best;
}

}  // namespace shoplens
