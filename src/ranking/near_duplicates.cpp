// SPDX-License-Identifier: Apache-2.0
#include "ranking/near_duplicates.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "core/error.h"
#include "index/exact_index.h"

namespace shoplens {
namespace {

// Union-find, the smallest row as a group's root.
class Groups {
 public:
  explicit Groups(std::int64_t count) : parent_(static_cast<std::size_t>(count)) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  std::int64_t root(std::int64_t row) {
    while (at(row) != row) row = at(row) = at(at(row));
    return row;
  }
  void join(std::int64_t a, std::int64_t b) {
    a = root(a), b = root(b);
    at(std::max(a, b)) = std::min(a, b);
  }
  // A number for each row's group, in the order of the groups' first rows.
  std::vector<std::int64_t> numbers() {
    std::vector<std::int64_t> of_root(parent_.size(), -1), out;
    std::int64_t next = 0;
    for (std::int64_t row = 0; row < static_cast<std::int64_t>(parent_.size()); ++row) {
      std::int64_t& number = of_root[static_cast<std::size_t>(root(row))];
      if (number < 0) number = next++;
      out.push_back(number);
    }
    return out;
  }

 private:
  std::int64_t& at(std::int64_t row) { return parent_[static_cast<std::size_t>(row)]; }
  std::vector<std::int64_t> parent_;
};

}  // namespace

std::vector<std::int64_t> near_duplicate_groups(std::span<const float> vectors, int dim,
                                                double threshold) {
  check(threshold > 0 && threshold <= 1, "near-duplicates: want a threshold in (0, 1], got ",
        threshold);
  ExactIndex index(dim);
  index.add_rows(vectors);
  Groups groups(index.size());
  // Photos with more near ones than were asked for are asked about again.
  std::vector<std::int64_t> open(static_cast<std::size_t>(index.size()));
  std::iota(open.begin(), open.end(), 0);
  for (int k = 16; !open.empty(); k *= 4) {
    std::vector<float> queries;
    for (const std::int64_t row : open)
      queries.insert(queries.end(), vectors.begin() + row * dim, vectors.begin() + (row + 1) * dim);
    const auto found = index.search(queries, k);
    std::vector<std::int64_t> again;
    for (std::size_t i = 0; i < open.size(); ++i) {
      for (const Hit& hit : found[i])
        if (hit.score >= threshold) groups.join(open[i], hit.id);
      if (found[i].back().score >= threshold && k < index.size()) again.push_back(open[i]);
    }
    open.swap(again);
  }
  return groups.numbers();
}

std::vector<std::int64_t> joined_groups(std::span<const std::int64_t> a,
                                        std::span<const std::int64_t> b) {
  check(a.size() == b.size(), "groups: want as many rows in both, got ", a.size(), " and ",
        b.size());
  Groups groups(static_cast<std::int64_t>(a.size()));
  for (const auto numbers : {a, b}) {
    std::unordered_map<std::int64_t, std::int64_t> first;  // row of each group
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      groups.join(first.try_emplace(numbers[i], row).first->second, row);
    }
  }
  return groups.numbers();
}

}  // namespace shoplens
