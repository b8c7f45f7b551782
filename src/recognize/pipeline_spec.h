// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "gallery/gallery.h"
#include "recognize/views.h"

namespace shoplens {

/// One network of a pipeline.
struct PipelineModel {
  std::string path;         // of model.onnx; in a gallery relative to its folder
  std::string fingerprint;  // ModelInfo::fingerprint
  double weight = 1;        // share of its cosine in the pipeline's
};

/// What turns a photo into the vector that a gallery holds: the networks, the views each sees, and
/// how much each counts. Kept in gallery.db as TOML (docs/formats.md), so that whoever opens the
/// gallery does the same.
struct PipelineSpec {
  std::vector<PipelineModel> models{};
  Tta tta = Tta::kNone;
};

std::string to_toml(const PipelineSpec& spec);

/// Throws kCorrupt that names `source` for a syntax error, a missing or unknown key, or a value out
/// of range.
PipelineSpec pipeline_from_toml(const std::string& text, const std::string& source);

/// The pipeline that a gallery keeps as its note "pipeline"; of one without it, its model seen
/// once.
PipelineSpec pipeline_of(const Gallery& gallery);

/// Equal exactly when vectors may be compared: of one network its own fingerprint; of several the
/// SHA-256 of theirs and their weights in order. Views do not count: they are estimates of one
/// vector.
std::string fingerprint_of(const PipelineSpec& spec);

}  // namespace shoplens
