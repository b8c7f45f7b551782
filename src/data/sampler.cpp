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
  // The k-th of a label's n runs comes somewhere between k / n and (k + 1) / n of the epoch: with
  // as many runs each, one of each label in a round; a label of more runs is spread over all of it.
  struct Run {
    double place;
    std::size_t label, number;
  };
  Random random{seed, epoch, 1};
  std::vector<Run> runs;
  for (std::size_t label = 0; label < rows_of.size(); ++label) {
    const std::size_t n =
        rows_of[label].empty() ? 0 : std::max<std::size_t>(1, rows_of[label].size() / m);
    for (std::size_t number = 0; number < n; ++number)
      runs.push_back({(static_cast<double>(number) + random.uniform(0, 1)) / static_cast<double>(n),
                      label, number});
  }
  std::stable_sort(runs.begin(), runs.end(),
                   [](const Run& a, const Run& b) { return a.place < b.place; });
  std::vector<std::int64_t> order;
  for (const Run& run : runs) {
    const std::vector<std::int64_t>& rows = rows_of[run.label];
    for (int i = 0; i < m; ++i) order.push_back(rows[(run.number * m + i) % rows.size()]);
  }
  return order;
}

std::vector<std::int64_t> number_visits(std::vector<std::int64_t> order, std::int64_t size) {
  std::vector<std::int64_t> visits(static_cast<std::size_t>(size), 0);  // of each sample, so far
  for (std::int64_t& sample : order) {
    const std::int64_t earlier = visits[static_cast<std::size_t>(sample)]++;
    sample += earlier * size;
  }
  return order;
}

}  // namespace shoplens
