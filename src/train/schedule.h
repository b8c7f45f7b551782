// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace shoplens {

/// Learning rate of optimiser step `step` (0-based) out of `total`: a linear warm-up from warmup_lr
/// that reaches `lr` after `warmup` steps, then a cosine down to min_lr at the end (Loshchilov and
/// Hutter 2017, arXiv:1608.03983, eq. 5, one cycle). Equals PyTorch's LinearLR followed by
/// CosineAnnealingLR (golden), and stays at min_lr where that would rise again.
struct CosineSchedule {
  double lr, warmup_lr, min_lr;
  std::int64_t warmup, total;
  double operator()(std::int64_t step) const;
};

/// The schedule of the contest's winner, one rate an epoch: the first epoch's is 0, the next
/// two have lr, as its warm-up hands over late, then a cosine that reaches 0 `period` epochs after
/// the first. `epoch` is 0-based. Equals the rates in its published logs, and from
/// epoch 3 on PyTorch's CosineAnnealingLR begun in epoch 1 (tests). Source:
/// DShomin/Lotte-product-classification, run.py.
double lotte_rate(std::int64_t epoch, double lr, std::int64_t period);

}  // namespace shoplens
