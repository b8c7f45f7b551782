// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "data/manifest.h"
#include "eval/retrieval.h"
#include "gallery/gallery.h"
#include "recognize/decide.h"
#include "recognize/embed_photos.h"

namespace shoplens {

/// How well labelled photos find their own in a gallery, by the values of one column.
struct Evaluation {
  std::string column;              // "label", or another of the manifest
  RetrievalMetrics metrics;        // macro_f1 is of the decided labels
  std::vector<std::string> names;  // LabelMetrics::label is a place in it
  std::vector<LabelMetrics>
      labels;  // of the decided labels; one a label that occurs among the queries
};

/// Evaluates `embedded` (of the rows of `queries`) against the gallery: by label first, then by
/// every further column that the two share. An item or query with no value in a column is left out
/// of that column's evaluation, and a column of which no value is on both sides (an id, a note) out
/// of the result. Throws kBadInput when either side is empty.
std::vector<Evaluation> evaluate(const GalleryContent& gallery, const Manifest& queries,
                                 const PhotoEmbeddings& embedded, const DecideOptions& options);

}  // namespace shoplens
