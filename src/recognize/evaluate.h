// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "data/manifest.h"
#include "eval/retrieval.h"
#include "gallery/gallery.h"
#include "recognize/decide.h"
#include "recognize/embed_photos.h"
#include "recognize/matcher.h"

namespace shoplens {

/// How well labelled photos find their own in a gallery, by the values of one column.
struct Evaluation {
  std::string column;              // "label", or another of the manifest
  std::int64_t strangers = 0;      // queries left out, as no item has their value
  RetrievalMetrics metrics;        // macro_f1 is of the decided labels
  double accuracy = 0;             // share of queries whose decided label is theirs
  std::vector<std::string> names;  // LabelMetrics::label is a place in it
  std::vector<LabelMetrics>
      labels;  // of the decided labels; one a label that occurs among the queries
};

/// The classes whose probabilities `embedded` holds, for Vote::kClasses.
struct EvaluateOptions {
  DecideOptions decide{};
  std::vector<std::string> classes{};
};

/// Evaluates `embedded` (of the rows of `queries`) against the gallery's `items`, which `matcher`
/// holds: by label first, then by every further column that the two share. An item or query with no
/// value in a column is left out of that column's evaluation, so is a query with a value that no
/// item has, and a column of which no value is on both sides (an id, a note) out of the result.
/// Throws kBadInput when either side is empty, or no label is on both.
std::vector<Evaluation> evaluate(const std::vector<GalleryItem>& items, const Matcher& matcher,
                                 const Manifest& queries, const PhotoEmbeddings& embedded,
                                 const EvaluateOptions& options);

}  // namespace shoplens
