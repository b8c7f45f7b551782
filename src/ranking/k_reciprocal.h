// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "index/vector_index.h"

namespace shoplens {

struct KReciprocalOptions {
  int k1 = 20, k2 = 6;
  double lambda = 0.3;  // share of the cosine's distance in the final one
};

/// Re-ranking by k-reciprocal encoding: two photos are near when their neighbours' neighbours are
/// the same ones. Source: Zhong et al. 2017, arXiv:1701.08398, section 3; their encodings, Jaccard
/// distance, mean over k2 and final distance, in a form that answers one query at a time from
/// lists of k1 + 1 neighbours. It differs from the paper, and its ranking a little (a test says how
/// much), in that
///   - a query changes no gallery photo's neighbourhood, and is in no encoding, its own included:
///     so the gallery's encodings are made once. Its reciprocal neighbours are those photos to
///     which it would be among the k1 nearest;
///   - a member that R* adds from outside a photo's list counts as far as the list's end: so lists
///     are all that is kept.
/// The authors' re_ranking.py differs from both: all queries are photos among the others, distances
/// are squared Euclidean over the row's largest (here 1 - cosine, as a search knows no largest),
/// and a half set joins R* above two thirds (here and in the paper from two thirds on). Weights are
/// divided by their sum as there, and k1 / 2 is rounded down.
class KReciprocal {
 public:
  /// neighbours: of each gallery row its own nearest rows, itself first, at least k1 + 1 where
  /// there are so many. Throws kBadInput for numbers out of range.
  KReciprocal(std::vector<std::vector<Hit>> neighbours, const KReciprocalOptions& options);

  /// hits: a query's nearest rows (ids are rows), best first -> the same hits by the final
  /// distance, equal ones in the order they had. More than k1 hits are wanted; fewer are worked
  /// with.
  std::vector<Hit> rerank(std::vector<Hit> hits) const;

 private:
  // Weights of a photo's reciprocal neighbours, by row; rows ascending.
  using Encoding = std::vector<std::pair<std::int64_t, double>>;
  std::vector<std::int64_t> reciprocal(std::int64_t row, int k) const;
  std::vector<std::int64_t> extend(std::vector<std::int64_t> rows) const;
  static Encoding encode(const std::vector<std::int64_t>& members, const std::vector<Hit>& list);
  static Encoding mean(const std::vector<const Encoding*>& encodings);

  KReciprocalOptions options_;
  std::vector<std::vector<Hit>> neighbours_;         // [gallery, <= k1 + 1], itself among them
  std::vector<std::vector<std::int64_t>> halves_;    // reciprocal(row, k1 / 2)
  std::vector<Encoding> encodings_, own_encodings_;  // after and before the local mean over k2
};

}  // namespace shoplens
