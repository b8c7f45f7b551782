// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include "core/mapped_file.h"
#include "onnx/model_info.h"

namespace shoplens {

/// A model.onnx, mapped. Opening it reads its metadata alone; hashing hundreds of megabytes of
/// weights is for whoever has something else to do meanwhile.
class ModelFile {
 public:
  /// Throws as read_model_info, but for content that was changed.
  explicit ModelFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const ModelInfo& info() const { return info_; }
  std::string_view graph() const { return graph_; }  // a GraphProto
  /// Throws kCorrupt when the fingerprint is not that of the content.
  void check_content() const;

 private:
  std::filesystem::path path_;
  MappedFile file_;
  ModelInfo info_;
  std::string_view graph_;
};

}  // namespace shoplens
