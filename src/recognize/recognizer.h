// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/chunked_map.h"
#include "gallery/gallery.h"
#include "image/source_image.h"
#include "recognize/calibration.h"
#include "recognize/decide.h"
#include "recognize/matcher.h"
#include "recognize/pipeline.h"

namespace shoplens {

struct RecognizeOptions {
  int top = 5;  // neighbours in an answer
  DecideOptions decide{};
  std::optional<Calibration> calibration{};  // without it no answer has a probability
  std::filesystem::path index_file{};        // where an approximate index is kept (Ranking)
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
  /// Throws kBadInput for an empty gallery or one of another pipeline. Where an approximate index
  /// is kept the gallery's vectors are not in memory all at once, unless they are augmented.
  Recognizer(const Gallery& gallery, const Pipeline& pipeline, const RecognizeOptions& options);
  /// The same of what a gallery holds, or of a part of it; `source` is named in errors.
  Recognizer(GalleryContent content, const std::optional<GalleryArray>& whitening,
             const Pipeline& pipeline, const RecognizeOptions& options, const std::string& source);

  /// One of the gallery as it is after a change: shares with this one what stayed, so that it takes
  /// the time of the change, and answers as one made anew would. Null when it has to be made anew:
  /// the pipeline's ranking depends on the whole gallery, or nothing is left, or the change is of
  /// more than items. This one stays as it is.
  std::unique_ptr<const Recognizer> changed(const GalleryChanges& changes) const;

  std::int64_t items() const { return static_cast<std::int64_t>(items_.size()); }
  std::int64_t labels() const { return static_cast<std::int64_t>(labels_.size()); }
  /// Its ids are the items' places in what this was made of, while it was not changed().
  const Matcher& matcher() const { return *matcher_; }
  bool knows(const std::string& label) const { return labels_.find(label) != nullptr; }
  bool calibrated() const { return options_.calibration.has_value(); }

  Answer recognize(SourceImage photo) const;
  /// Embeddings [n, dim], each of length 1, and when the pipeline votes by classes their
  /// probabilities [n, classes] -> n answers.
  /// Of a product not among the labels `only`, unless that is empty, no photo is found.
  std::vector<Answer> answer(std::span<const float> embeddings,
                             std::span<const float> class_probabilities = {},
                             std::span<const std::string> only = {}) const;

 private:
  struct Label {
    std::int64_t photos = 0;
    std::int64_t class_place = -1;  // in the pipeline's classes; -1: none
  };

  Recognizer(const Recognizer&) = default;  // shares all that does not change
  void check_start(std::int64_t items, const std::string& source) const;
  void read(const Gallery& gallery, std::int64_t items, const VectorSource::Sink& sink);
  void insert(const GalleryItem& item);
  void relabel(std::int64_t id, const std::string& label);
  std::int64_t erase(std::int64_t id);
  Label& label_of(const std::string& name);
  void leave_label(const std::string& name);
  IdFilter filter_of(std::span<const std::string> labels) const;
  Answer to_answer(const std::vector<Hit>& hits, std::span<const float> class_probabilities) const;

  const Pipeline& pipeline_;
  RecognizeOptions options_;
  // An item's number is the matcher's id of it. Numbers are given in the order of the items' ids,
  // so that ties are broken as the gallery's order has it.
  std::int64_t next_number_ = 0;
  ChunkedMap<std::int64_t, GalleryItem> items_;       // by number
  ChunkedMap<std::int64_t, std::int64_t> number_of_;  // by id
  ChunkedMap<std::string, Label> labels_;             // those with photos
  std::optional<Matcher> matcher_;
};

}  // namespace shoplens
