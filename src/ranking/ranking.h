// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "index/exact_index.h"
#include "ranking/k_reciprocal.h"

namespace shoplens {

/// Sums of neighbours, each weighted by its cosine to the power alpha. Radenovic et al. 2018,
/// arXiv:1711.02512, section 3.4 (alpha query expansion); on the gallery's side Gordo et al. 2017,
/// arXiv:1610.07940, section 4.2.
struct ExpansionOptions {
  int k = 0;  // neighbours; 0: off
  double alpha = 3;
  bool operator==(const ExpansionOptions&) const = default;
};

/// How neighbours are found once vectors can be compared.
struct RankingOptions {
  ExpansionOptions augment;  // database augmentation: a gallery vector takes in its neighbours
  ExpansionOptions expand;   // query expansion: a query takes in what it finds first
  bool rerank = false;
  KReciprocalOptions k_reciprocal;
};

/// A gallery's vectors made ready, and the search among them. Thread-safe.
class Ranking {
 public:
  static constexpr int kReranked = 100;  // the nearest so many are put in a new order

  /// vectors [n, dim], of length 1; their rows are their ids.
  Ranking(std::span<const float> vectors, int dim, const RankingOptions& options, int threads = 0);

  int dim() const { return index_.dim(); }
  /// [n, dim], of length 1: after augmentation.
  std::vector<float> vectors() const { return index_.vectors(); }
  /// queries [q, dim], of length 1 -> the same after query expansion.
  std::vector<float> expand(std::span<const float> queries) const;
  /// Queries as expand() gives them -> for each the k nearest, best first; their scores are
  /// cosines, which after re-ranking no longer fall from hit to hit.
  std::vector<std::vector<Hit>> search(std::span<const float> expanded, int k) const;
  bool reranks() const { return k_reciprocal_.has_value(); }

  /// Whether vectors may come and go: augmentation and re-ranking make each depend on all others.
  bool changeable() const { return options_.augment.k == 0 && !options_.rerank; }
  /// Takes in vectors [n, dim], of length 1, under ids that no other has; and lets them go. Wants
  /// to be changeable, and this alone; copies stay as they are (ExactIndex).
  void add(std::span<const std::int64_t> ids, std::span<const float> vectors);
  void remove(std::span<const std::int64_t> ids);

 private:
  std::vector<float> take_in(std::span<const float> vectors, const ExpansionOptions& options,
                             bool found_among_themselves) const;

  RankingOptions options_;
  ExactIndex index_;
  std::optional<KReciprocal> k_reciprocal_;
};

}  // namespace shoplens
