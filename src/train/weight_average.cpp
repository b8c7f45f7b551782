// SPDX-License-Identifier: Apache-2.0
#include "train/weight_average.h"

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_lerp.h>

namespace shoplens {

WeightAverage::WeightAverage(NamedTensors live) : live_(std::move(live)) {
  for (auto& [name, tensor] : live_) {
    tensor = tensor.detach();
    averages_.emplace_back(name, tensor.clone());
  }
}

void WeightAverage::update(double share) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> from, to, counts_from, counts_to;
  for (std::size_t i = 0; i < live_.size(); ++i) {
    const bool is_count = !live_[i].second.is_floating_point();
    (is_count ? counts_to : to).push_back(averages_[i].second);
    (is_count ? counts_from : from).push_back(live_[i].second);
  }
  at::_foreach_lerp_(to, from, share);
  if (!counts_to.empty()) at::_foreach_copy_(counts_to, counts_from);
}

void WeightAverage::swap() {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < live_.size(); ++i) {
    const at::Tensor kept = live_[i].second.clone();
    live_[i].second.copy_(averages_[i].second);
    averages_[i].second.copy_(kept);
  }
}

}  // namespace shoplens
