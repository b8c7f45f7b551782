// SPDX-License-Identifier: Apache-2.0
// How well a score tells photos of known things from photos of strangers, and how true a
// probability is.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace shoplens {

/// One threshold: who has a score of at least it.
struct RocPoint {
  double threshold;
  double false_accept, true_accept;  // shares of the strangers and of the known
};

struct OpenSetCurve {
  /// From (infinity, 0, 0) to (the least score, 1, 1), one for each different score.
  std::vector<RocPoint> points;
  double auroc = 0;  // chance that a known photo scores above a stranger; equal scores count half
  double fpr_at_95_tpr = 0;  // least false_accept of the points with true_accept >= 0.95
};

/// Throws kBadInput when either side is empty or a score is NaN.
OpenSetCurve open_set_curve(std::span<const double> known, std::span<const double> strangers);

/// The score that a further stranger exceeds with a chance of at most `share`, if it is drawn as
/// these n were: the conformal quantile, which lets floor(share (n + 1)) - 1 of them be above it
/// (Bates et al. 2023, arXiv:2104.08279, section 2); with too few for that, their greatest; minus
/// infinity for a share of 1. Throws kBadInput for a share outside [0, 1].
double threshold_for_false_accepts(std::span<const double> strangers, double share);

/// Mean over `bins` equal parts of [0, 1] of the distance between the mean probability and the
/// share of right ones, weighed by what falls into the part (Naeini et al. 2015; Guo et al. 2017,
/// arXiv:1706.04599, equation 3). probability, right (0 or 1), weight [n]; throws kBadInput for
/// other sizes, none, or a probability outside [0, 1].
double expected_calibration_error(std::span<const double> probability,
                                  std::span<const std::uint8_t> right,
                                  std::span<const double> weight, int bins = 15);

}  // namespace shoplens
