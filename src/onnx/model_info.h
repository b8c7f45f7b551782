// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/preprocess.h"

namespace shoplens {

/// The fold of a list that a network was not trained on, as split_folds (data/folds.h) makes it.
struct HeldOutFold {
  int fold = 0, folds = 0;
  std::uint32_t seed = 0;
  std::string list_hash{};  // split_hash of the list
  std::string group_column{};
  bool operator==(const HeldOutFold&) const = default;
};

/// What model.onnx says of itself in its metadata_props: everything a program needs to use it
/// rightly.
struct ModelInfo {
  std::string arch;  // timm's name of the backbone
  int dim = 0;       // length of an embedding
  Preprocessing preprocessing;
  std::string labels_hash;  // SHA-256 of the sorted training labels, a line each; empty for an
                            // imported backbone
  std::vector<std::string> classes{};  // what the columns of the output "classes" are; empty: none
  std::optional<HeldOutFold> held_out{};  // of a network that was trained on folds
  int weight_bits = 0;                    // of a quantized network; 0: float
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
