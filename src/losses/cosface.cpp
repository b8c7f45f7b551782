// SPDX-License-Identifier: Apache-2.0
#include "losses/cosface.h"

namespace shoplens {

CosFace::CosFace(const CosineOptions& options, const std::vector<double>& margins)
    : CosineHead(options), margins_(checked_margins(margins, options.classes, 1, "cosface")) {}

torch::Tensor CosFace::with_margin(const torch::Tensor& target, const torch::Tensor& labels,
                                   const torch::Tensor&) {
  margins_ = margins_.to(labels.device());  // once: they come from the host
  return target - margins_.index_select(0, labels).unsqueeze(1).to(target.scalar_type());
}

}  // namespace shoplens
