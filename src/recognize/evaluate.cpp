// SPDX-License-Identifier: Apache-2.0
#include "recognize/evaluate.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "core/error.h"
#include "core/threads.h"

namespace shoplens {
namespace {

// One side of a comparison: the rows that have a value, with their vectors.
struct Side {
  std::vector<std::string> values;
  std::vector<std::int64_t> rows;  // among all items, or all queries
  std::vector<float> vectors;

  void add(const std::string& value, std::int64_t row, const float* vectors_of_all, int dim) {
    if (value.empty()) return;
    const float* const vector = vectors_of_all + row * dim;
    values.push_back(value);
    rows.push_back(row);
    vectors.insert(vectors.end(), vector, vector + dim);
  }
};

// What is the same for every column.
struct Setting {
  const std::vector<GalleryItem>& items;
  const Matcher& matcher;
  const PhotoEmbeddings& embedded;
  const EvaluateOptions& options;
  std::vector<float> stored;                  // [items, matcher.dim()]
  std::vector<float> prepared;                // [queries, matcher.dim()]
  std::vector<std::int64_t> class_of_item{};  // places in options.classes
};

const std::string& value_of(const GalleryItem& item, const std::string& column) {
  static const std::string none;
  if (column == "label") return item.label;
  for (const auto& [name, value] : item.columns)
    if (name == column) return value;
  return none;
}

Side gallery_side(const Setting& setting, const std::string& column) {
  Side side;
  for (std::size_t i = 0; i < setting.items.size(); ++i)
    side.add(value_of(setting.items[i], column), static_cast<std::int64_t>(i),
             setting.stored.data(), setting.matcher.dim());
  return side;
}

// The queries whose value some item has, and how many have another.
std::pair<Side, std::int64_t> query_side(const Setting& setting, const Side& gallery,
                                         const std::vector<std::string>& values) {
  const std::vector<std::string> known = number_labels(gallery.values).names;
  Side side;
  std::int64_t strangers = 0;
  for (std::size_t i = 0; i < setting.embedded.photos.size(); ++i) {
    const std::string& value = values[static_cast<std::size_t>(setting.embedded.photos[i])];
    if (std::binary_search(known.begin(), known.end(), value))
      side.add(value, static_cast<std::int64_t>(i), setting.prepared.data(), setting.matcher.dim());
    else
      strangers += !value.empty();
  }
  return {std::move(side), strangers};
}

// Where each of `count` items stands in a side; -1: nowhere.
std::vector<std::int64_t> places_in(const Side& side, std::size_t count) {
  std::vector<std::int64_t> places(count, -1);
  for (std::size_t i = 0; i < side.rows.size(); ++i)
    places[static_cast<std::size_t>(side.rows[i])] = static_cast<std::int64_t>(i);
  return places;
}

// The nearest k of each query, a block of queries after the other: where few of many items have a
// value, k is nearly all of them.
void each_hits(const Matcher& matcher, std::span<const float> queries, int k,
               const std::function<void(const std::vector<Hit>&)>& see) {
  constexpr std::size_t kHits = 1 << 22;  // 64 MiB
  const auto dim = static_cast<std::size_t>(matcher.dim());
  const std::size_t block =
      std::max<std::size_t>(kHits / static_cast<std::size_t>(std::max(k, 1)), 1) * dim;
  for (std::size_t at = 0; at < queries.size(); at += block)
    for (const auto& hits :
         matcher.search(queries.subspan(at, std::min(block, queries.size() - at)), k))
      see(hits);
}

// What decide() says of each query. labels [gallery side].
std::vector<std::int64_t> decided(const Setting& setting, const Side& queries, const Side& gallery,
                                  std::span<const std::int64_t> labels) {
  const auto places = places_in(gallery, setting.items.size());
  // Enough that k of them have a value.
  const int k = setting.options.decide.neighbours() +
                static_cast<int>(setting.items.size() - gallery.rows.size());
  const std::size_t classes = setting.options.classes.size();
  std::vector<std::int64_t> out, of_hits;
  std::vector<float> scores, probabilities;
  each_hits(setting.matcher, queries.vectors, k, [&](const std::vector<Hit>& hits) {
    const auto query = static_cast<std::size_t>(queries.rows[out.size()]);
    of_hits.clear();
    scores.clear();
    probabilities.clear();
    for (const Hit& hit : hits) {
      const std::int64_t place = places[static_cast<std::size_t>(hit.id)];
      if (place < 0) continue;
      of_hits.push_back(labels[static_cast<std::size_t>(place)]);
      scores.push_back(hit.score);
      if (classes > 0)
        probabilities.push_back(probability_of(
            setting.class_of_item[static_cast<std::size_t>(hit.id)],
            std::span(setting.embedded.class_probabilities).subspan(query * classes, classes)));
    }
    out.push_back(decide(of_hits, scores, setting.options.decide, probabilities).label);
  });
  return out;
}

// Puts re-ranked items above all others, in their order.
Rescore rescoring(const Setting& setting, const Side& queries, const Side& gallery) {
  if (!setting.matcher.reranks()) return {};
  auto found = setting.matcher.search(queries.vectors, Ranking::kReranked);
  return [found = std::move(found), places = places_in(gallery, setting.items.size())](
             std::size_t query, std::span<float> scores) {
    float score = 3;
    for (const Hit& hit : found[query]) {
      const std::int64_t place = places[static_cast<std::size_t>(hit.id)];
      if (place >= 0) scores[static_cast<std::size_t>(place)] = score -= 0.01f;
    }
  };
}

Evaluation compare(const Setting& setting, const std::string& column, const Side& queries,
                   const Side& gallery) {
  std::vector<std::string> all = gallery.values;
  all.insert(all.end(), queries.values.begin(), queries.values.end());
  LabelSet numbered = number_labels(all);
  const std::span<const std::int64_t> labels(numbered.of_row);
  const auto of_gallery = labels.first(gallery.values.size()),
             of_queries = labels.subspan(gallery.values.size());
  Evaluation result{column, 0, {}, 0, std::move(numbered.names), {}};
  result.metrics = evaluate_retrieval({queries.vectors, of_queries}, {gallery.vectors, of_gallery},
                                      setting.matcher.dim(), available_cores(),
                                      rescoring(setting, queries, gallery));
  const auto predicted = decided(setting, queries, gallery, of_gallery);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == of_queries[i];
  result.accuracy = static_cast<double>(right) / static_cast<double>(predicted.size());
  result.metrics.macro_f1 = macro_f1(of_queries, predicted);
  result.labels = label_metrics(of_queries, predicted);
  return result;
}

}  // namespace

std::vector<Evaluation> evaluate(const std::vector<GalleryItem>& items, const Matcher& matcher,
                                 const Manifest& queries, const PhotoEmbeddings& embedded,
                                 const EvaluateOptions& options) {
  check(!items.empty(), "eval: want photos in the gallery, it is empty");
  check(!embedded.photos.empty(), "eval: want photos to evaluate, none could be read (",
        queries.source.string(), ")");
  Setting setting{items,   matcher,           embedded,
                  options, matcher.vectors(), matcher.prepare(embedded.embeddings)};
  std::vector<std::string> labels;
  for (const GalleryItem& item : items) labels.push_back(item.label);
  setting.class_of_item = places_among(labels, options.classes);
  std::vector<Evaluation> results;
  const auto add = [&](const std::string& column, const std::vector<std::string>& values) {
    const Side stored = gallery_side(setting, column);
    const auto [asked, strangers] = query_side(setting, stored, values);
    if (asked.values.empty()) return;
    results.push_back(compare(setting, column, asked, stored));
    results.back().strangers = strangers;
  };
  add("label", queries.labels);
  check(!results.empty(), "eval: want photos of the gallery's labels, none has one of them (",
        queries.source.string(), ")");
  for (const Manifest::Column& column : queries.columns) add(column.name, column.values);
  return results;
}

}  // namespace shoplens
