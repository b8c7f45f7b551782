// SPDX-License-Identifier: Apache-2.0
#include "ranking/k_reciprocal.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>

#include "core/error.h"

namespace shoplens {
namespace {

const std::vector<Hit>& at(const std::vector<std::vector<Hit>>& lists, std::int64_t row) {
  return lists[static_cast<std::size_t>(row)];
}

double weight_of(float score) { return std::exp(static_cast<double>(score) - 1); }  // exp(-d)

}  // namespace

KReciprocal::KReciprocal(std::vector<std::vector<Hit>> neighbours,
                         const KReciprocalOptions& options)
    : options_(options), neighbours_(std::move(neighbours)) {
  check(options.k1 >= 2 && options.k2 >= 1 && options.k2 <= options.k1 && options.lambda >= 0 &&
            options.lambda <= 1,
        "re-ranking: want k1 >= 2, 1 <= k2 <= k1 and lambda in [0, 1], got ", options.k1, ", ",
        options.k2, " and ", options.lambda);
  const auto rows = static_cast<std::int64_t>(neighbours_.size());
  for (std::int64_t row = 0; row < rows; ++row) {
    auto& list = neighbours_[static_cast<std::size_t>(row)];
    list.resize(std::min<std::size_t>(list.size(), static_cast<std::size_t>(options.k1) + 1));
    // A photo that is there twice may come after its double; it is its own nearest all the same.
    const auto self =
        std::find_if(list.begin(), list.end(), [&](const Hit& hit) { return hit.id == row; });
    if (self != list.end())
      std::rotate(list.begin(), self, self + 1);
    else
      list.insert(list.begin(), {row, 1.0f});
  }
  for (std::int64_t row = 0; row < rows; ++row) halves_.push_back(reciprocal(row, options.k1 / 2));
  for (std::int64_t row = 0; row < rows; ++row) {
    own_encodings_.push_back(encode(extend(reciprocal(row, options.k1)), at(neighbours_, row)));
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    std::vector<const Encoding*> near;
    const auto& list = at(neighbours_, row);
    for (std::size_t i = 0; i < std::min(list.size(), static_cast<std::size_t>(options.k2)); ++i)
      near.push_back(&own_encodings_[static_cast<std::size_t>(list[i].id)]);
    encodings_.push_back(mean(near));
  }
}

// Rows among the k nearest of `row` that have it among their own k nearest; itself too. Ascending.
std::vector<std::int64_t> KReciprocal::reciprocal(std::int64_t row, int k) const {
  const auto nearest = [&](std::int64_t r) {  // itself and k others
    const auto& list = at(neighbours_, r);
    return std::span(list).first(std::min(list.size(), static_cast<std::size_t>(k) + 1));
  };
  std::vector<std::int64_t> rows;
  for (const Hit& hit : nearest(row)) {
    const auto back = nearest(hit.id);
    if (std::any_of(back.begin(), back.end(), [&](const Hit& h) { return h.id == row; }))
      rows.push_back(hit.id);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Adds the half-sized sets of members that lie for two thirds in the set (Zhong et al., R*).
std::vector<std::int64_t> KReciprocal::extend(std::vector<std::int64_t> rows) const {
  std::vector<std::int64_t> all = rows, shared, merged;
  for (const std::int64_t member : rows) {
    const auto& half = halves_[static_cast<std::size_t>(member)];
    shared.clear();
    std::set_intersection(rows.begin(), rows.end(), half.begin(), half.end(),
                          std::back_inserter(shared));
    if (3 * shared.size() < 2 * half.size()) continue;
    merged.clear();
    std::set_union(all.begin(), all.end(), half.begin(), half.end(), std::back_inserter(merged));
    all.swap(merged);
  }
  return all;
}

// Weights of `members` by their scores in `list`, summing to 1. A member that came by extension may
// be outside the list: at the distance of the list's end.
KReciprocal::Encoding KReciprocal::encode(const std::vector<std::int64_t>& members,
                                          const std::vector<Hit>& list) {
  Encoding encoding;
  double sum = 0;
  for (const std::int64_t member : members) {
    const auto known =
        std::find_if(list.begin(), list.end(), [&](const Hit& hit) { return hit.id == member; });
    encoding.emplace_back(member,
                          weight_of(known != list.end() ? known->score : list.back().score));
    sum += encoding.back().second;
  }
  for (auto& [member, weight] : encoding) weight /= sum;
  return encoding;
}

KReciprocal::Encoding KReciprocal::mean(const std::vector<const Encoding*>& encodings) {
  std::map<std::int64_t, double> sum;
  for (const Encoding* encoding : encodings)
    for (const auto& [row, weight] : *encoding) sum[row] += weight;
  Encoding out(sum.begin(), sum.end());
  for (auto& [row, weight] : out) weight /= static_cast<double>(encodings.size());
  return out;
}

std::vector<Hit> KReciprocal::rerank(std::vector<Hit> hits) const {
  if (hits.size() < 2) return hits;
  const std::size_t k1 = std::min(hits.size(), static_cast<std::size_t>(options_.k1));
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < k1; ++i)
    if (const auto& list = at(neighbours_, hits[i].id); hits[i].score >= list.back().score)
      rows.push_back(hits[i].id);
  std::sort(rows.begin(), rows.end());
  const Encoding own = encode(extend(rows), hits);
  std::vector<const Encoding*> near{&own};  // the query is its own nearest
  for (std::size_t i = 0; i + 1 < static_cast<std::size_t>(options_.k2) && i < k1; ++i)
    near.push_back(&own_encodings_[static_cast<std::size_t>(hits[i].id)]);
  const Encoding query = mean(near);

  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const Encoding& item = encodings_[static_cast<std::size_t>(hits[i].id)];
    double common = 0;  // sum of minima; as each side sums to 1, the maxima's sum is 2 - this
    for (auto a = query.begin(), b = item.begin(); a != query.end() && b != item.end();) {
      if (a->first == b->first)
        common += std::min(a++->second, b++->second);
      else if (a->first < b->first)
        ++a;
      else
        ++b;
    }
    const double jaccard = 1 - common / (2 - common);
    order.emplace_back((1 - options_.lambda) * jaccard + options_.lambda * (1 - hits[i].score), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<Hit> ranked;
  for (const auto& [distance, i] : order) ranked.push_back(hits[i]);
  return ranked;
}

}  // namespace shoplens
