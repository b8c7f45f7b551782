// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace shoplens {

/// How well queries find their own label in a gallery. Fractions, 0 to 1.
struct RetrievalMetrics {
  std::int64_t queries = 0, gallery = 0;
  double recall_at_1 = 0,
         recall_at_5 = 0;  // share of queries with their label among the best 1 / 5 gallery items
  double map =
      0;  // mean average precision over the whole ranking; a query without relevant items counts 0
  double macro_f1 = 0;  // of the top-1 label, mean over the labels that occur among the queries
  std::vector<std::int64_t> predicted;  // [queries], the top-1 label: label_metrics() takes it
};

/// What a batch of queries is compared with; embeddings are row-major [n, dim] and L2-normalised.
struct EmbeddingSet {
  std::span<const float> embeddings;
  std::span<const std::int64_t> labels;
};

/// Changes a query's scores of the gallery's rows before they are ranked; called from many threads.
using Rescore = std::function<void(std::size_t query, std::span<float> scores)>;

/// The metrics of `queries` against `gallery`, by cosine; equal scores rank by gallery row. Average
/// precision is the mean, over the items of the query's label, of the share of that label among the
/// items down to this one. Blocked: memory is a block of queries a thread x the gallery, never
/// queries x gallery; time O(queries x gallery x (dim + log of the items a label)). Throws
/// kBadInput for an empty side, sizes that do not fit `dim`, or a NaN or infinity.
RetrievalMetrics evaluate_retrieval(const EmbeddingSet& queries, const EmbeddingSet& gallery,
                                    int dim, int threads, const Rescore& rescore = {});

/// How one label fares among top-1 predictions.
struct LabelMetrics {
  std::int64_t label = 0;
  std::int64_t queries = 0;  // with this true label
  double recall_at_1 = 0;    // share of them predicted as it
  double precision = 0;  // share of true ones among those predicted as it; 0 when there are none
  double f1 = 0;         // 2 x hits / (queries + predicted)
};

/// One entry a label that occurs in `truth`, by label. truth and predicted [n].
std::vector<LabelMetrics> label_metrics(std::span<const std::int64_t> truth,
                                        std::span<const std::int64_t> predicted);

/// Mean F1 over the labels that occur in `truth` (scikit-learn's f1_score(average="macro",
/// labels=unique(truth))); 0 for none.
double macro_f1(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

}  // namespace shoplens
