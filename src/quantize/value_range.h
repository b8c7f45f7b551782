// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "onnx/quantize.h"

namespace shoplens {

/// What is known of the values that one tensor of a network takes over many photos. They are shown
/// twice: see() all of them, then count() all of them again.
class ValueRange {
 public:
  /// data [n, C, ...] of shape dims.
  void see(std::span<const std::int64_t> dims, std::span<const float> data);
  void count(std::span<const float> data);

  double low() const { return low_; }
  double high() const { return high_; }
  /// The mean by channel, [C].
  std::vector<float> means() const;

  /// The grid of least expected squared error over what was counted: cutting rare extremes makes
  /// the steps between all others finer.
  Grid best_grid() const;

 private:
  static constexpr int kBins = 2048;
  double bin_width() const { return (high_ - low_) / kBins; }
  double squared_error(const Grid& grid) const;

  double low_ = 0, high_ = 0;  // 0 is always among the values: padding is 0
  std::vector<double> sums_;   // by channel
  std::int64_t per_channel_ = 0;
  std::vector<std::int64_t> bins_;
};

}  // namespace shoplens
