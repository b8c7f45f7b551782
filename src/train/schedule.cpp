// SPDX-License-Identifier: Apache-2.0
#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace shoplens {

double CosineSchedule::operator()(std::int64_t step) const {
  if (step < warmup)
    return warmup_lr +
           (lr - warmup_lr) * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double done = static_cast<double>(step - warmup) /
                      static_cast<double>(std::max<std::int64_t>(total - warmup, 1));
  return min_lr + (lr - min_lr) * 0.5 * (1 + std::cos(std::numbers::pi * std::min(done, 1.0)));
}

double lotte_rate(std::int64_t epoch, double lr, std::int64_t period) {
  if (epoch == 0) return 0;
  if (epoch < 3) return lr;
  const double done =
      static_cast<double>(epoch - 1) / static_cast<double>(std::max<std::int64_t>(period, 1));
  return lr * 0.5 * (1 + std::cos(std::numbers::pi * std::min(done, 1.0)));
}

}  // namespace shoplens
