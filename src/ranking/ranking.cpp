// SPDX-License-Identifier: Apache-2.0
#include "ranking/ranking.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"
#include "ranking/kept_index.h"

namespace shoplens {

Ranking::Ranking(VectorSource vectors, int dim, const RankingOptions& options, int threads,
                 const std::filesystem::path& index_file)
    : options_(options), index_(ExactIndex(dim, threads)) {
  for (const ExpansionOptions& o : {options.augment, options.expand})
    check(o.k >= 0 && o.alpha >= 0, "ranking: want k and alpha of at least 0, got ", o.k, " and ",
          o.alpha);
  check(options.recall >= 0 && options.recall <= 1, "ranking: want a recall from 0 to 1, got ",
        options.recall);
  if (options.augment.k > 0) {
    const SharedVectors all = share(vectors.take());
    index_ = ExactIndex(dim, all, threads);
    vectors = take_in(all.values, options.augment, true);
  }
  if (options.recall > 0 && !index_file.empty() &&
      static_cast<std::int64_t>(vectors.size()) / dim >= kFewestInCells)
    index_ = kept_index(std::move(vectors), dim, options.recall, threads, index_file);
  else
    index_ = ExactIndex(dim, share(vectors.take()), threads);
  if (options.rerank)
    k_reciprocal_.emplace(index().search(index().vectors(), options.k_reciprocal.k1 + 1),
                          options.k_reciprocal);
}

// Each vector, at weight 1, and its neighbours; over the length.
std::vector<float> Ranking::take_in(std::span<const float> vectors, const ExpansionOptions& options,
                                    bool found_among_themselves) const {
  const auto width = static_cast<std::size_t>(dim());
  const auto found = index().search(vectors, options.k + (found_among_themselves ? 1 : 0));
  std::vector<float> out(vectors.begin(), vectors.end());
  for (std::size_t q = 0; q < found.size(); ++q) {
    std::vector<double> sum(out.begin() + static_cast<std::ptrdiff_t>(q * width),
                            out.begin() + static_cast<std::ptrdiff_t>((q + 1) * width));
    int taken = 0;
    for (const Hit& hit : found[q]) {
      if (found_among_themselves && hit.id == static_cast<std::int64_t>(q)) continue;
      if (taken++ == options.k || hit.score <= 0) break;
      const double weight = std::pow(hit.score, options.alpha);
      const float* const neighbour = index().vector(hit.id);
      for (std::size_t j = 0; j < width; ++j) sum[j] += weight * neighbour[j];
    }
    for (std::size_t j = 0; j < width; ++j) out[q * width + j] = static_cast<float>(sum[j]);
  }
  l2_normalize(out, dim());
  return out;
}

std::vector<float> Ranking::expand(std::span<const float> queries) const {
  if (options_.expand.k == 0) return {queries.begin(), queries.end()};
  return take_in(queries, options_.expand, false);
}

std::vector<std::vector<Hit>> Ranking::search(std::span<const float> expanded, int k,
                                              const IdFilter& allowed) const {
  auto found = index().search(expanded, k_reciprocal_ ? std::max(k, kReranked) : k, allowed);
  if (!k_reciprocal_) return found;
  for (std::vector<Hit>& hits : found) {
    hits = k_reciprocal_->rerank(std::move(hits));
    hits.resize(std::min(hits.size(), static_cast<std::size_t>(k)));
  }
  return found;
}

SearchReport Ranking::report() const {
  const auto* const cells = std::get_if<ApproximateIndex>(&index_);
  if (!cells) return {};
  return {cells->cells(), cells->probes(), cells->recall()};
}

double Ranking::recall(std::span<const float> expanded, int k) const {
  const auto* const cells = std::get_if<ApproximateIndex>(&index_);
  if (!cells) return 1;
  const auto found = cells->search(expanded, k), all = cells->search_exactly(expanded, k);
  std::size_t same = 0, wanted = 0;
  for (std::size_t q = 0; q < all.size(); ++q) {
    wanted += all[q].size();
    for (const Hit& hit : all[q])
      same += std::find(found[q].begin(), found[q].end(), hit) != found[q].end();
  }
  return wanted > 0 ? static_cast<double>(same) / static_cast<double>(wanted) : 1;
}

void Ranking::add(std::span<const std::int64_t> ids, std::span<const float> vectors) {
  check(changeable(), "ranking: want one that is changeable, this depends on the whole gallery");
  index().add(ids, vectors);
}

void Ranking::remove(std::span<const std::int64_t> ids) {
  check(changeable(), "ranking: want one that is changeable, this depends on the whole gallery");
  index().remove(ids);
}

}  // namespace shoplens
