// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gallery/gallery.h"
#include "image/image.h"
#include "recognize/calibration.h"
#include "recognize/decide.h"
#include "recognize/matcher.h"
#include "recognize/pipeline.h"

namespace shoplens {

struct RecognizeOptions {
  int top = 5;  // neighbours in an answer
  DecideOptions decide{};
  std::optional<Calibration> calibration{};  // without it no answer has a probability
};

struct Neighbour {
  std::int64_t id;
  std::string label, path;
  float score;  // cosine, of the vectors as they are compared
};

struct Answer {
  std::string label;
  double score = 0;  // as decide() has it
  Evidence evidence;
  std::optional<double> probability;  // that the label is right, of a calibrated gallery
  bool unknown = false;               // by the calibration: rather none of the gallery's products
  std::vector<Neighbour> neighbours;  // best first, at most `top`
};

/// Names products: a photo's embedding, its neighbours in the gallery, the decision. Holds the
/// gallery's vectors as they were when it was made. Thread-safe; the pipeline must outlive it.
class Recognizer {
 public:
  /// Throws kBadInput for an empty gallery or one of another pipeline.
  Recognizer(const Gallery& gallery, const Pipeline& pipeline, const RecognizeOptions& options);
  /// The same of what a gallery holds, or of a part of it; `source` is named in errors.
  Recognizer(GalleryContent content, const std::optional<GalleryArray>& whitening,
             const Pipeline& pipeline, const RecognizeOptions& options, const std::string& source);

  const std::vector<GalleryItem>& items() const { return items_; }
  const Matcher& matcher() const { return *matcher_; }
  bool knows(const std::string& label) const;
  bool calibrated() const { return options_.calibration.has_value(); }

  Answer recognize(const Image& image) const;
  /// Embeddings [n, dim], each of length 1, and when the pipeline votes by classes their
  /// probabilities [n, classes] -> n answers.
  std::vector<Answer> answer(std::span<const float> embeddings,
                             std::span<const float> class_probabilities = {}) const;

 private:
  Answer to_answer(const std::vector<Hit>& hits, std::span<const float> class_probabilities) const;

  const Pipeline& pipeline_;
  RecognizeOptions options_;
  std::vector<GalleryItem> items_;
  std::vector<std::string> label_names_;    // in order
  std::vector<std::int64_t> label_of_row_;  // [items], places in label_names_
  std::vector<std::int64_t> photos_of_label_;
  std::vector<std::int64_t> class_of_row_;  // [items], places in the pipeline's classes; -1: none
  std::optional<Matcher> matcher_;          // ids are places in items_
};

}  // namespace shoplens
