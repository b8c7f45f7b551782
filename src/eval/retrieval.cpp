// SPDX-License-Identifier: Apache-2.0
#include "eval/retrieval.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <unordered_map>

#include "core/error.h"
#include "core/threads.h"
#include "index/packed_vectors.h"

namespace shoplens {
namespace {

constexpr std::int64_t kTile = PackedVectors::kTile, kPanel = PackedVectors::kPanel;
constexpr std::int64_t kBlockFloats =
    4'000'000;  // scores a thread holds, as far as one tile of queries allows

// An item's place in a ranking as one number, smaller is better: higher score first, then smaller
// row. The upper half orders floats as they compare (sign and magnitude turned into an unsigned
// number), negated; -0 becomes +0 first.
std::uint64_t rank_key(float score, std::int64_t row) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);
  const std::uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return std::uint64_t{~ascending} << 32 | static_cast<std::uint32_t>(row);
}

// How many of the sorted `keys` [n], n >= 1, are below `key`. Without branches: they would be
// mispredicted.
std::size_t count_below(const std::uint64_t* keys, std::size_t n, std::uint64_t key) {
  const std::uint64_t* first = keys;
  while (n > 1) {
    const std::size_t half = n / 2;
    first += first[half - 1] < key ? half : 0;
    n -= half;
  }
  return static_cast<std::size_t>(first - keys) + (*first < key);
}

struct QueryResult {
  std::int64_t predicted = 0;
  std::int64_t best_rank =
      std::numeric_limits<std::int64_t>::max();  // of an item of the query's label, from 1
  double average_precision = 0;
};

// scores [gallery]; relevant: the gallery rows of the query's label.
QueryResult judge(const float* scores, std::span<const std::int64_t> labels,
                  std::span<const std::int64_t> relevant) {
  std::vector<std::uint64_t> keys;
  for (const std::int64_t row : relevant) keys.push_back(rank_key(scores[row], row));
  std::sort(keys.begin(), keys.end());
  // passed[i]: items that stand between relevant items i-1 (excluded) and i (included). No sort of
  // the gallery.
  std::vector<std::int64_t> passed(keys.size() + 1);
  std::uint64_t best = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t last = keys.empty() ? 0 : keys.back();
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const std::uint64_t key = rank_key(scores[row], static_cast<std::int64_t>(row));
    best = std::min(best, key);
    if (key <= last) ++passed[count_below(keys.data(), keys.size(), key)];
  }
  QueryResult result;
  result.predicted = labels[best & 0xffffffffu];
  std::int64_t rank = 0;
  double precisions = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    rank += passed[i];
    if (i == 0) result.best_rank = rank;
    precisions += static_cast<double>(i + 1) / static_cast<double>(rank);
  }
  if (!keys.empty()) result.average_precision = precisions / static_cast<double>(keys.size());
  return result;
}

// queries [count, dim] -> scores [count, stride].
void score_block(const PackedVectors& gallery, const float* queries, std::int64_t count,
                 std::vector<float>& scores, std::int64_t stride) {
  alignas(64) float tile[kTile * kPanel];
  for (std::int64_t panel = 0; panel < gallery.panels(); ++panel)
    for (std::int64_t first = 0; first < count; first += kTile) {
      const std::int64_t rows = std::min(kTile, count - first);
      gallery.score_panel(panel, queries + first * gallery.dim(), rows, tile);
      for (std::int64_t q = 0; q < rows; ++q)
        std::copy_n(tile + q * kPanel, kPanel,
                    scores.data() + (first + q) * stride + panel * kPanel);
    }
}

void check_set(const char* which, const EmbeddingSet& set, int dim) {
  check(!set.labels.empty(), "evaluate_retrieval: want at least one of ", which, ", got none");
  check(set.embeddings.size() == set.labels.size() * static_cast<std::size_t>(dim),
        "evaluate_retrieval: want ", set.labels.size(), " x ", dim, " floats of ", which, ", got ",
        set.embeddings.size());
  check(std::all_of(set.embeddings.begin(), set.embeddings.end(),
                    [](float x) { return std::isfinite(x); }),
        "evaluate_retrieval: want numbers in ", which, ", got NaN or infinity");
}

std::vector<QueryResult> judge_all(const EmbeddingSet& queries, const EmbeddingSet& gallery,
                                   int dim, int threads, const Rescore& rescore) {
  PackedVectors packed(dim);
  packed.append(gallery.embeddings);
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> rows_of;
  for (std::size_t row = 0; row < gallery.labels.size(); ++row)
    rows_of[gallery.labels[row]].push_back(static_cast<std::int64_t>(row));
  const std::int64_t stride = packed.panels() * kPanel,
                     total = static_cast<std::int64_t>(queries.labels.size());
  const std::int64_t block = std::clamp<std::int64_t>(kBlockFloats / stride / kTile, 1, 8) * kTile;
  const std::int64_t blocks = (total + block - 1) / block;
  std::vector<QueryResult> results(queries.labels.size());
  std::atomic<std::int64_t> next{0};
  // One call a thread, not a block: each keeps its scores' memory from block to block.
  parallel_for(std::min<std::int64_t>(std::max(threads, 1), blocks), threads, [&](std::int64_t) {
    std::vector<float> scores(static_cast<std::size_t>(block * stride));
    for (std::int64_t b; (b = next++) < blocks;) {
      const std::int64_t first = b * block, count = std::min(block, total - first);
      score_block(packed, queries.embeddings.data() + first * dim, count, scores, stride);
      for (std::int64_t q = 0; q < count; ++q) {
        const auto place = static_cast<std::size_t>(first + q);
        if (rescore)
          rescore(place, std::span(scores).subspan(static_cast<std::size_t>(q * stride),
                                                   gallery.labels.size()));
        const auto relevant = rows_of.find(queries.labels[place]);
        results[place] =
            judge(scores.data() + q * stride, gallery.labels,
                  relevant == rows_of.end() ? std::span<const std::int64_t>{} : relevant->second);
      }
    }
  });
  return results;
}

}  // namespace

RetrievalMetrics evaluate_retrieval(const EmbeddingSet& queries, const EmbeddingSet& gallery,
                                    int dim, int threads, const Rescore& rescore) {
  check(dim > 0, "evaluate_retrieval: want dim above 0, got ", dim);
  check_set("queries", queries, dim);
  check_set("gallery", gallery, dim);
  RetrievalMetrics metrics;
  metrics.queries = static_cast<std::int64_t>(queries.labels.size());
  metrics.gallery = static_cast<std::int64_t>(gallery.labels.size());
  // Summed in the order of the queries, so the number of threads does not change the last digit.
  for (const QueryResult& result : judge_all(queries, gallery, dim, threads, rescore)) {
    metrics.recall_at_1 += result.best_rank <= 1;
    metrics.recall_at_5 += result.best_rank <= 5;
    metrics.map += result.average_precision;
    metrics.predicted.push_back(result.predicted);
  }
  for (double* mean : {&metrics.recall_at_1, &metrics.recall_at_5, &metrics.map})
    *mean /= static_cast<double>(metrics.queries);
  metrics.macro_f1 = macro_f1(queries.labels, metrics.predicted);
  return metrics;
}

std::vector<LabelMetrics> label_metrics(std::span<const std::int64_t> truth,
                                        std::span<const std::int64_t> predicted) {
  check(truth.size() == predicted.size(), "label_metrics: want ", truth.size(),
        " predictions, got ", predicted.size());
  struct Counts {
    std::int64_t queries = 0, predictions = 0, hits = 0;
  };
  std::map<std::int64_t, Counts> counts;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    ++counts[truth[i]].queries;
    ++counts[predicted[i]].predictions;
    counts[truth[i]].hits += truth[i] == predicted[i];
  }
  std::vector<LabelMetrics> all;
  for (const auto& [label, count] : counts) {
    if (count.queries == 0) continue;  // predicted, but not a label of the queries
    const auto hits = static_cast<double>(count.hits), queries = static_cast<double>(count.queries);
    const auto predictions = static_cast<double>(count.predictions);
    all.push_back({label, count.queries, hits / queries,
                   count.predictions > 0 ? hits / predictions : 0,
                   2 * hits / (queries + predictions)});
  }
  return all;
}

double macro_f1(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted) {
  const auto labels = label_metrics(truth, predicted);
  double sum = 0;
  for (const LabelMetrics& label : labels) sum += label.f1;
  return labels.empty() ? 0 : sum / static_cast<double>(labels.size());
}

}  // namespace shoplens
