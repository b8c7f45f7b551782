// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "gallery/gallery.h"
#include "ranking/ranking.h"
#include "recognize/decide.h"
#include "recognize/views.h"

namespace shoplens {

/// One network of a pipeline.
struct PipelineModel {
  std::string path;         // of model.onnx; in a gallery relative to its folder
  std::string fingerprint;  // ModelInfo::fingerprint
  double weight = 1;        // of its cosine in the pipeline's
};

/// How the networks' embeddings are put together: each over its length first, or raw, as the Lotte
/// contest's winner did.
enum class Norm { kEach, kJoint };

/// What a gallery does to answer: the networks and the views that make a photo's vector, how
/// vectors are compared, and how neighbours become a label. Kept in gallery.db as TOML
/// (docs/formats.md), so that whoever opens the gallery does the same.
struct PipelineSpec {
  std::vector<PipelineModel> models{};
  Tta tta = Tta::kNone;
  Norm norm = Norm::kEach;
  int whiten = 0;  // components left by the gallery's array "whitening"; 0: there is none
  RankingOptions ranking{};
  DecideOptions decide{};
};

std::string to_toml(const PipelineSpec& spec);

/// Only [[model]] path must be there. Throws kCorrupt that names `source` for a syntax error, a
/// missing or unknown key, or a value out of range.
PipelineSpec pipeline_from_toml(const std::string& text, const std::string& source);

/// The pipeline that a gallery keeps as its note "pipeline"; of one without it, its model seen
/// once.
PipelineSpec pipeline_of(const Gallery& gallery);

/// The same with paths at which its networks can be opened now: `models`, all of them in its order,
/// or where the gallery finds them when there are none. Throws kBadInput for another number of
/// models, kNotFound for one that is nowhere.
PipelineSpec located_pipeline_of(const Gallery& gallery, const std::vector<std::string>& models);

/// Gives the gallery `spec`, with `whitening` when it has one. Throws kBadInput, and changes
/// nothing, when its pipeline is not `before` any more: what was learnt was learnt of another.
void replace_pipeline(Gallery& gallery, const PipelineSpec& before, const PipelineSpec& spec,
                      const std::optional<GalleryArray>& whitening);

/// Throws kBadInput unless `got`, of the file at the model's path, is the fingerprint it should
/// have.
void check_fingerprint(const PipelineModel& model, const std::string& got);

/// Equal exactly when vectors may be compared: of one network its own fingerprint; of several the
/// SHA-256 of theirs in order and of the norm. Views do not count: they are estimates of one
/// vector; weights and ranking neither: they are applied to what the gallery holds.
std::string fingerprint_of(const PipelineSpec& spec);

}  // namespace shoplens
