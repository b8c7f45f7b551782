// SPDX-License-Identifier: Apache-2.0
#include "data/folds.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <unordered_map>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "data/csv.h"

namespace shoplens {
namespace {

// Labels as numbers in the order of their first appearance.
std::vector<std::int64_t> number_by_appearance(const std::vector<std::string>& labels) {
  std::unordered_map<std::string, std::int64_t> numbers;
  std::vector<std::int64_t> out;
  for (const std::string& label : labels)
    out.push_back(numbers.try_emplace(label, numbers.size()).first->second);
  return out;
}

std::int64_t count_of(const std::vector<std::int64_t>& numbers) {
  return numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end()) + 1;
}

// NumPy's legacy generator: 32-bit Mersenne Twister, and below a bound by rejection under a mask.
std::uint32_t at_most(std::mt19937& generator, std::uint32_t bound) {
  std::uint32_t mask = bound;
  for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
  std::uint32_t value;
  do value = static_cast<std::uint32_t>(generator()) & mask;
  while (value > bound);
  return value;
}

void shuffle(std::vector<int>& values, std::mt19937& generator) {
  for (std::size_t i = values.size(); i-- > 1;)
    std::swap(values[i], values[at_most(generator, static_cast<std::uint32_t>(i))]);
}

void check_folds(std::size_t rows, int folds) {
  check(folds >= 2, "folds: want at least 2, got ", folds);
  check(rows >= static_cast<std::size_t>(folds),
        "folds: want at least as many photos as folds, got ", rows, " and ", folds);
}

const std::vector<std::string>& column(const Manifest& manifest, const std::string& name) {
  if (name == "label") return manifest.labels;
  std::string names;
  for (const auto& column : manifest.columns) {
    if (column.name == name) return column.values;
    names += " " + column.name;
  }
  throw Error(ErrorCode::kBadInput,
              join("folds: want the column ", name, " to group photos by, found only",
                   names.empty() ? " path and label" : names, " (", manifest.source.string(), ")"));
}

}  // namespace

std::vector<std::string> groups_of(const Manifest& manifest,
                                   const std::vector<std::string>& column) {
  std::vector<std::string> groups = column;
  for (std::size_t row = 0; row < groups.size(); ++row)
    if (groups[row].empty()) groups[row] = "\n" + manifest.names[row];
  return groups;
}

std::vector<int> stratified_folds(const std::vector<std::string>& labels, int folds,
                                  std::uint64_t seed) {
  check_folds(labels.size(), folds);
  check(seed <= std::numeric_limits<std::uint32_t>::max(), "folds: want a seed of 32 bits, got ",
        seed);
  const std::vector<std::int64_t> numbers = number_by_appearance(labels);
  const std::int64_t classes = count_of(numbers);

  // How many rows of a class a fold gets: the sorted rows are dealt out like cards.
  std::vector<std::int64_t> sorted = numbers;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::vector<int>> shares(classes, std::vector<int>(folds, 0));
  std::vector<std::int64_t> sizes(classes, 0);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ++shares[sorted[i]][i % folds];
    ++sizes[sorted[i]];
  }
  check(*std::max_element(sizes.begin(), sizes.end()) >= folds,
        "folds: want a label with at least ", folds, " photos, the largest has ",
        *std::max_element(sizes.begin(), sizes.end()));

  std::mt19937 generator(static_cast<std::uint32_t>(seed));
  std::vector<std::vector<int>> of_class(classes);
  for (std::int64_t k = 0; k < classes; ++k) {
    for (int fold = 0; fold < folds; ++fold)
      of_class[k].insert(of_class[k].end(), shares[k][fold], fold);
    shuffle(of_class[k], generator);
  }
  std::vector<std::size_t> next(classes, 0);
  std::vector<int> fold_of_row;
  for (const std::int64_t k : numbers) fold_of_row.push_back(of_class[k][next[k]++]);
  return fold_of_row;
}

std::vector<int> stratified_group_folds(const std::vector<std::string>& labels,
                                        const std::vector<std::string>& groups, int folds,
                                        std::uint64_t seed) {
  check_folds(labels.size(), folds);
  check(labels.size() == groups.size(), "folds: want a group for each of ", labels.size(),
        " photos, got ", groups.size());
  const std::vector<std::int64_t> label_of = number_by_appearance(labels),
                                  group_of = number_by_appearance(groups);
  const std::int64_t classes = count_of(label_of), count = count_of(group_of);
  check(count >= folds, "folds: want at least ", folds, " groups, got ", count);

  std::vector<std::map<std::int64_t, double>> content(
      count);  // group -> label -> share of the label's rows
  std::vector<double> label_size(classes, 0);
  for (const std::int64_t k : label_of) ++label_size[k];
  for (std::size_t row = 0; row < labels.size(); ++row)
    content[group_of[row]][label_of[row]] += 1 / label_size[label_of[row]];

  std::vector<std::int64_t> order(count);
  for (std::int64_t g = 0; g < count; ++g) order[g] = g;
  Random{seed}.shuffle(order.begin(), order.end());
  const auto largest = [&](std::int64_t g) {
    double most = 0;
    for (const auto& [label, share] : content[g]) most = std::max(most, share);
    return most;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return largest(a) > largest(b); });

  // Placing a group costs the growth of the sum of squared shares over its labels, which is least
  // where those labels are rarest; between equals the fold with the fewest rows.
  std::vector<std::vector<double>> share(folds, std::vector<double>(classes, 0));
  std::vector<double> rows(folds, 0);
  std::vector<int> fold_of_group(count);
  for (const std::int64_t g : order) {
    int best = 0;
    double best_cost = std::numeric_limits<double>::infinity();
    for (int fold = 0; fold < folds; ++fold) {
      double cost = 1e-9 * rows[fold];
      for (const auto& [label, more] : content[g]) cost += more * share[fold][label];
      if (cost < best_cost) best = fold, best_cost = cost;
    }
    fold_of_group[g] = best;
    for (const auto& [label, more] : content[g]) {
      share[best][label] += more;
      rows[best] += more * label_size[label];
    }
  }
  std::vector<int> fold_of_row;
  for (const std::int64_t g : group_of) fold_of_row.push_back(fold_of_group[g]);
  return fold_of_row;
}

std::vector<int> split_folds(const Manifest& photos, int folds, std::uint64_t seed,
                             const std::string& group_column) {
  if (group_column.empty()) return stratified_folds(photos.labels, folds, seed);
  const auto groups = groups_of(photos, column(photos, group_column));
  return stratified_group_folds(photos.labels, groups, folds, seed);
}

std::string split_hash(const Manifest& photos, const std::string& group_column) {
  const auto* groups = group_column.empty() ? nullptr : &column(photos, group_column);
  Sha256 hash;
  for (std::size_t row = 0; row < photos.size(); ++row)
    hash.update(csv_line({photos.names[row], photos.labels[row], groups ? (*groups)[row] : ""}));
  return hash.hex();
}

}  // namespace shoplens
