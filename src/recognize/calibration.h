// SPDX-License-Identifier: Apache-2.0
// How sure an answer is, and when it is better to say that the product is unknown.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gallery/gallery.h"
#include "recognize/pipeline_spec.h"

namespace shoplens {

/// What a photo's neighbours say for the label that was decided on.
struct Evidence {
  double score = 0;      // cosine of its nearest photo
  double margin = 0;     // by how much that is above the nearest photo of another label
  double agreement = 0;  // how many of the nearest have it, of as many as could
};

/// How many neighbours Evidence looks at.
inline constexpr int kEvidenceNeighbours = 10;

/// labels, scores [n] of the nearest photos, best first; those after kEvidenceNeighbours are not
/// read. photos: how many the gallery has of `label`: a product with a single photo can have but
/// one vote, and is not suspect for it. Where all neighbours have the label, the last one's score
/// stands in for the nearest other's.
Evidence evidence_for(std::int64_t label, std::int64_t photos, std::span<const std::int64_t> labels,
                      std::span<const float> scores);

/// What `shoplens calibrate` learns from held-out photos. Kept in gallery.db as TOML
/// (docs/formats.md).
struct Calibration {
  std::array<double, 4>
      weights{};         // of the logistic regression: intercept, score, margin, agreement
  double threshold = 0;  // an answer less probable than this, or as probable, is "unknown"
  std::map<std::string, double> label_thresholds{};  // in its place for these labels
  double false_accept_rate = 0;                      // of strangers, that the thresholds are for
  std::vector<double> score_deciles{};  // nine: of Evidence::score of held-out known photos
  std::string settings;                 // settings_hash of the pipeline it was learnt with

  /// That the label is right.
  double probability(const Evidence& evidence) const;
  bool unknown(const std::string& label, double probability) const;
};

std::string to_toml(const Calibration& calibration);
/// Throws kCorrupt that names `source` for anything that to_toml would not write.
Calibration calibration_from_toml(const std::string& text, const std::string& source);

/// Equal for pipelines that give the same scores: all of the spec but where its models are, and how
/// many of the neighbours a search finds.
std::string settings_hash(PipelineSpec spec);

/// The gallery's, if it was learnt with `spec`; nothing, and a line in the log, if it was learnt
/// with other settings; nothing if there is none.
std::optional<Calibration> calibration_of(const Gallery& gallery, const PipelineSpec& spec);

/// Keeps a label's own threshold when the label is renamed, within the caller's transaction: it
/// goes with the name, or, when `to` had photos before (`merged`), is dropped, and that of `to`
/// stays.
void rename_threshold(Gallery& gallery, const std::string& from, const std::string& to,
                      bool merged);

}  // namespace shoplens
