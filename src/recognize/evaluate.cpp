// SPDX-License-Identifier: Apache-2.0
#include "recognize/evaluate.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/threads.h"
#include "index/exact_index.h"

namespace shoplens {
namespace {

// One side of a comparison: the rows that have a value, with their vectors.
struct Side {
  std::vector<std::string> values;
  std::vector<float> vectors;

  void add(const std::string& value, const float* vector, int dim) {
    if (value.empty()) return;
    values.push_back(value);
    vectors.insert(vectors.end(), vector, vector + dim);
  }
};

const std::string& value_of(const GalleryItem& item, const std::string& column) {
  static const std::string none;
  if (column == "label") return item.label;
  for (const auto& [name, value] : item.columns)
    if (name == column) return value;
  return none;
}

Side gallery_side(const GalleryContent& gallery, const std::string& column, int dim) {
  Side side;
  for (std::size_t i = 0; i < gallery.items.size(); ++i)
    side.add(value_of(gallery.items[i], column),
             gallery.vectors.data() + i * static_cast<std::size_t>(dim), dim);
  return side;
}

Side query_side(const std::vector<std::string>& values, const PhotoEmbeddings& embedded) {
  Side side;
  for (std::size_t i = 0; i < embedded.photos.size(); ++i)
    side.add(values[static_cast<std::size_t>(embedded.photos[i])],
             embedded.embeddings.data() + i * static_cast<std::size_t>(embedded.dim), embedded.dim);
  return side;
}

bool share_a_value(const Side& a, const Side& b) {
  const std::vector<std::string> known = number_labels(b.values).names;
  return std::any_of(a.values.begin(), a.values.end(), [&](const std::string& value) {
    return std::binary_search(known.begin(), known.end(), value);
  });
}

// What decide() says of each query.
std::vector<std::int64_t> decided(const Side& queries, const Side& gallery,
                                  std::span<const std::int64_t> labels, int dim,
                                  const DecideOptions& options) {
  ExactIndex index(dim);
  std::vector<std::int64_t> rows(gallery.values.size());
  std::iota(rows.begin(), rows.end(), 0);
  index.add(rows, gallery.vectors);
  std::vector<std::int64_t> out, of_hits;
  std::vector<float> scores;
  for (const auto& hits :
       index.search(queries.vectors, options.vote == Vote::kTop1 ? 1 : options.k)) {
    of_hits.clear();
    scores.clear();
    for (const Hit& hit : hits) {
      of_hits.push_back(labels[static_cast<std::size_t>(hit.id)]);
      scores.push_back(hit.score);
    }
    out.push_back(decide(of_hits, scores, options).label);
  }
  return out;
}

Evaluation compare(const std::string& column, const Side& queries, const Side& gallery, int dim,
                   const DecideOptions& options) {
  std::vector<std::string> all = gallery.values;
  all.insert(all.end(), queries.values.begin(), queries.values.end());
  LabelSet numbered = number_labels(all);
  const std::span<const std::int64_t> labels(numbered.of_row);
  const auto of_gallery = labels.first(gallery.values.size()),
             of_queries = labels.subspan(gallery.values.size());
  Evaluation result{column, {}, std::move(numbered.names), {}};
  result.metrics = evaluate_retrieval({queries.vectors, of_queries}, {gallery.vectors, of_gallery},
                                      dim, available_cores());
  const auto predicted = decided(queries, gallery, of_gallery, dim, options);
  result.metrics.macro_f1 = macro_f1(of_queries, predicted);
  result.labels = label_metrics(of_queries, predicted);
  return result;
}

}  // namespace

std::vector<Evaluation> evaluate(const GalleryContent& gallery, const Manifest& queries,
                                 const PhotoEmbeddings& embedded, const DecideOptions& options) {
  check(!gallery.items.empty(), "eval: want photos in the gallery, it is empty");
  check(!embedded.photos.empty(), "eval: want photos to evaluate, none could be read (",
        queries.source.string(), ")");
  const int dim = embedded.dim;
  std::vector<Evaluation> results{compare("label", query_side(queries.labels, embedded),
                                          gallery_side(gallery, "label", dim), dim, options)};
  for (const Manifest::Column& column : queries.columns) {
    const Side query = query_side(column.values, embedded),
               stored = gallery_side(gallery, column.name, dim);
    if (share_a_value(query, stored))
      results.push_back(compare(column.name, query, stored, dim, options));
  }
  return results;
}

}  // namespace shoplens
