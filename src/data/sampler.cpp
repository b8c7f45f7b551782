// SPDX-License-Identifier: Apache-2.0
#include "data/sampler.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace shoplens {

std::vector<std::int64_t> sequential_order(std::int64_t size) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

std::vector<std::int64_t> shuffled_order(std::int64_t size, std::uint64_t seed,
                                         std::uint64_t epoch) {
  auto order = sequential_order(size);
  Random{seed, epoch}.shuffle(order.begin(), order.end());
  return order;
}

std::vector<std::int64_t> runs_of_label_order(const std::vector<std::int64_t>& of_row, int m,
                                              std::uint64_t seed, std::uint64_t epoch) {
  check(m > 0, "sampler: want at least one photo a label in a run, got ", m);
  std::vector<std::vector<std::int64_t>> rows_of;  // shuffled within the label
  for (const std::int64_t row :
       shuffled_order(static_cast<std::int64_t>(of_row.size()), seed, epoch)) {
    const auto label = static_cast<std::size_t>(of_row[static_cast<std::size_t>(row)]);
    if (label >= rows_of.size()) rows_of.resize(label + 1);
    rows_of[label].push_back(row);
  }
  // In rounds: one run of each label that has one left, so that neighbours differ.
  Random random{seed, epoch, 1};
  std::vector<std::int64_t> order;
  for (std::size_t round = 0;; ++round) {
    std::vector<std::size_t> labels;
    for (std::size_t label = 0; label < rows_of.size(); ++label) {
      const std::size_t runs =
          rows_of[label].empty() ? 0 : std::max<std::size_t>(1, rows_of[label].size() / m);
      if (round < runs) labels.push_back(label);
    }
    if (labels.empty()) return order;
    random.shuffle(labels.begin(), labels.end());
    for (const std::size_t label : labels)
      for (int i = 0; i < m; ++i)
        order.push_back(rows_of[label][(round * m + i) % rows_of[label].size()]);
  }
}

}  // namespace shoplens
