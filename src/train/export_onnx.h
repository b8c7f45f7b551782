// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>

#include "models/embedding_model.h"
#include "onnx/model_info.h"

namespace shoplens {

/// Writes `model` as model.onnx: input "pixels" [N, 3, size, size], output "embedding" [N, dim],
/// each of length 1. Batch norm is folded, standardised weights are baked. `info` needs no
/// fingerprint; returns it with one.
ModelInfo write_onnx(EmbeddingModel& model, ModelInfo info, const std::filesystem::path& path);

/// The line that says what was written: path, backbone, input size, embedding size, start of the
/// fingerprint.
std::string describe_onnx(const std::filesystem::path& path, const ModelInfo& info);

}  // namespace shoplens
