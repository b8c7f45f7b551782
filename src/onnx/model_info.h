// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "image/preprocess.h"

namespace shoplens {

/// What model.onnx says of itself in its metadata_props: everything a program needs to use it
/// rightly.
struct ModelInfo {
  std::string arch;  // timm's name of the backbone
  int dim = 0;       // length of an embedding
  Preprocessing preprocessing;
  std::string labels_hash;  // SHA-256 of the sorted training labels, a line each; empty for an
                            // imported backbone
  std::vector<std::string> classes{};  // what the columns of the output "classes" are; empty: none
  std::string fingerprint;  // SHA-256 of the graph and the preprocessing: equal exactly when
                            // embeddings may be compared
};

/// To and from the key-value pairs of metadata_props. from_metadata throws kCorrupt naming `path`
/// for a missing or bad key.
std::map<std::string, std::string> to_metadata(const ModelInfo& info);
ModelInfo from_metadata(const std::map<std::string, std::string>& metadata,
                        const std::filesystem::path& path);

/// Reads a model.onnx's metadata and checks its fingerprint against its content.
/// Throws kCorrupt for a file that is not ONNX, was changed or cut, kUnsupported for one not
/// written by shoplens.
ModelInfo read_model_info(const std::filesystem::path& path);

}  // namespace shoplens
