// SPDX-License-Identifier: Apache-2.0
#include "losses/arcface.h"

#include <cmath>

namespace shoplens {

ArcFace::ArcFace(const CosineOptions& options, const std::vector<double>& margins)
    : CosineHead(options), margins_(checked_margins(margins, options.classes, M_PI_2, "arcface")) {}

torch::Tensor ArcFace::with_margin(const torch::Tensor& target, const torch::Tensor& labels,
                                   const torch::Tensor&) {
  margins_ = margins_.to(labels.device());  // once: they come from the host
  const torch::Tensor m = margins_.index_select(0, labels).unsqueeze(1);  // [N, 1]
  const auto of = [&](const torch::Tensor& t) { return t.to(target.scalar_type()); };
  // Rounding can take |cos| past 1, and the root's slope is infinite at 0: both would end in NaN.
  const torch::Tensor sine = (1 - target.square()).clamp_min(1e-7).sqrt();
  const torch::Tensor shifted = target * of(m.cos()) - sine * of(m.sin());  // cos(theta + m)
  const torch::Tensor tail = target - of(m * m.sin());
  return torch::where(target > -of(m.cos()), shifted, tail);
}

}  // namespace shoplens
