// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "index/approximate_index.h"
#include "index/exact_index.h"
#include "index/vector_source.h"
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
  double recall = 0;  // share of the nearest that a search shall find; 0: all of them (ExactIndex)
};

/// How a search finds neighbours, and how many of them.
struct SearchReport {
  std::int64_t cells = 0, probes = 0;  // of an ApproximateIndex; 0: the search is exact
  double recall = 1;                   // ApproximateIndex::recall
};

/// A gallery's vectors made ready, and the search among them. Thread-safe.
class Ranking {
 public:
  static constexpr int kReranked = 100;  // the nearest so many are put in a new order

  /// Vectors fewer than this are searched exactly, which then is as fast.
  static constexpr std::int64_t kFewestInCells = 10'000;

  /// vectors [n, dim], of length 1; their rows are their ids. They are held in memory only where
  /// the search is exact or augments them. An approximate index is taken from `index_file` when
  /// that was made from the same, or else made and kept there. Without a path the search is exact
  /// whatever the options: what is used once is not worth an index.
  Ranking(VectorSource vectors, int dim, const RankingOptions& options, int threads = 0,
          const std::filesystem::path& index_file = {});

  int dim() const { return index().dim(); }
  /// [n, dim], of length 1: after augmentation.
  std::vector<float> vectors() const { return index().vectors(); }
  /// queries [q, dim], of length 1 -> the same after query expansion.
  std::vector<float> expand(std::span<const float> queries) const;
  /// Queries as expand() gives them -> for each the k nearest, best first; their scores are
  /// cosines, which after re-ranking no longer fall from hit to hit.
  std::vector<std::vector<Hit>> search(std::span<const float> expanded, int k,
                                       const IdFilter& allowed = {}) const;
  SearchReport report() const;
  /// Of the k nearest to each query, before re-ranking, the share that a search finds.
  double recall(std::span<const float> expanded, int k) const;
  bool reranks() const { return k_reciprocal_.has_value(); }

  /// Whether vectors may come and go: augmentation and re-ranking make each depend on all others.
  bool changeable() const { return options_.augment.k == 0 && !options_.rerank; }
  /// Takes in vectors [n, dim], of length 1, under ids that no other has; and lets them go. Wants
  /// to be changeable, and this alone; copies stay as they are (ExactIndex).
  void add(std::span<const std::int64_t> ids, std::span<const float> vectors);
  void remove(std::span<const std::int64_t> ids);

 private:
  const VectorIndex& index() const {
    return std::visit([](const auto& i) -> const VectorIndex& { return i; }, index_);
  }
  VectorIndex& index() {
    return std::visit([](auto& i) -> VectorIndex& { return i; }, index_);
  }
  std::vector<float> take_in(std::span<const float> vectors, const ExpansionOptions& options,
                             bool found_among_themselves) const;

  RankingOptions options_;
  std::variant<ExactIndex, ApproximateIndex> index_;
  std::optional<KReciprocal> k_reciprocal_;
};

}  // namespace shoplens
