// SPDX-License-Identifier: Apache-2.0
#include "eval/open_set.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace shoplens {
namespace {

std::vector<double> falling(std::span<const double> scores, const char* who) {
  check(!scores.empty(), "open set: want scores of ", who, ", got none");
  check(std::none_of(scores.begin(), scores.end(), [](double s) { return std::isnan(s); }),
        "open set: want scores of ", who, " without NaN");
  std::vector<double> sorted(scores.begin(), scores.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  return sorted;
}

}  // namespace

OpenSetCurve open_set_curve(std::span<const double> known, std::span<const double> strangers) {
  const auto ours = falling(known, "known photos"), theirs = falling(strangers, "strangers");
  OpenSetCurve curve{{{std::numeric_limits<double>::infinity(), 0, 0}}, 0, 1};
  for (std::size_t a = 0, b = 0; a < ours.size() || b < theirs.size();) {
    const double threshold =
        b == theirs.size() || (a < ours.size() && ours[a] >= theirs[b]) ? ours[a] : theirs[b];
    while (a < ours.size() && ours[a] == threshold) ++a;
    while (b < theirs.size() && theirs[b] == threshold) ++b;
    const RocPoint before = curve.points.back();
    const RocPoint point{threshold, static_cast<double>(b) / static_cast<double>(theirs.size()),
                         static_cast<double>(a) / static_cast<double>(ours.size())};
    curve.auroc +=
        (point.false_accept - before.false_accept) * (point.true_accept + before.true_accept) / 2;
    if (point.true_accept >= 0.95)
      curve.fpr_at_95_tpr = std::min(curve.fpr_at_95_tpr, point.false_accept);
    curve.points.push_back(point);
  }
  return curve;
}

double threshold_for_false_accepts(std::span<const double> strangers, double share) {
  check(share >= 0 && share <= 1, "false accepts: want a share from 0 to 1, got ", share);
  const auto sorted = falling(strangers, "strangers");
  const double n = static_cast<double>(sorted.size());
  const auto allowed = static_cast<std::size_t>(std::max(0.0, share * (n + 1) - 1 + 1e-9));
  return allowed >= sorted.size() ? -std::numeric_limits<double>::infinity() : sorted[allowed];
}

double expected_calibration_error(std::span<const double> probability,
                                  std::span<const std::uint8_t> right,
                                  std::span<const double> weight, int bins) {
  check(!probability.empty() && right.size() == probability.size() &&
            weight.size() == probability.size() && bins >= 1,
        "calibration error: want as many outcomes and weights as probabilities, got ",
        probability.size(), ", ", right.size(), ", ", weight.size());
  std::vector<double> gap(static_cast<std::size_t>(bins));  // weighted probability - outcome
  double total = 0;
  for (std::size_t i = 0; i < probability.size(); ++i) {
    check(probability[i] >= 0 && probability[i] <= 1, "calibration error: want probabilities, got ",
          probability[i]);
    // A part holds its upper end, as in Guo et al.
    const int bin = std::clamp(static_cast<int>(std::ceil(probability[i] * bins)) - 1, 0, bins - 1);
    gap[static_cast<std::size_t>(bin)] += weight[i] * (probability[i] - right[i]);
    total += weight[i];
  }
  double sum = 0;
  for (const double g : gap) sum += std::abs(g);
  return sum / total;
}

}  // namespace shoplens
