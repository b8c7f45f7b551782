// SPDX-License-Identifier: Apache-2.0
#include "eval/gap.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace shoplens {

double global_average_precision(const std::vector<std::int64_t>& truth,
                                const std::vector<std::int64_t>& predicted,
                                const std::vector<double>& confidence) {
  check(truth.size() == predicted.size() && truth.size() == confidence.size(),
        "gap: want as many predictions and confidences as queries, got ", truth.size(), ", ",
        predicted.size(), ", ", confidence.size());
  std::vector<std::size_t> order(truth.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return confidence[a] > confidence[b]; });
  const auto answerable =
      std::count_if(truth.begin(), truth.end(), [](std::int64_t label) { return label >= 0; });
  if (answerable == 0) return 0;
  double sum = 0, right = 0;
  for (std::size_t place = 0; place < order.size(); ++place)
    if (truth[order[place]] == predicted[order[place]])
      sum += ++right / static_cast<double>(place + 1);
  return sum / static_cast<double>(answerable);
}

}  // namespace shoplens
