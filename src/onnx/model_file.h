// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "onnx/model_info.h"

namespace shoplens {

/// A model.onnx. Opening it reads its metadata alone; hashing hundreds of megabytes of weights is
/// for whoever has something else to do meanwhile.
class ModelFile {
 public:
  /// Throws as read_model_info, but for content that was changed.
  explicit ModelFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const ModelInfo& info() const { return info_; }
  /// Throws kCorrupt when the fingerprint is not that of the content, kIo when it cannot be read.
  void check_content();

 private:
  std::filesystem::path path_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
  ModelInfo info_;
};

}  // namespace shoplens
