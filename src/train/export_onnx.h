// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "losses/head.h"
#include "models/embedding_model.h"
#include "onnx/model_info.h"

namespace shoplens {

/// Writes `model` as model.onnx: input "pixels" [N, 3, size, size], output "embedding" [N, dim],
/// each of length 1, and "features" [N, C, H, W], the map that is pooled, for whoever asks for it.
/// Batch norm is folded, standardised weights are baked. With `classes` (of
/// info.classes) two outputs more: "raw", the embedding at the length it has, and "classes" [N, K],
/// their scores. `info` needs no fingerprint; returns it with one.
ModelInfo write_onnx(EmbeddingModel& model, ModelInfo info, const std::filesystem::path& path,
                     const std::optional<LinearScores>& classes = std::nullopt);

/// The line that says what was written: path, backbone, input size, embedding size, start of the
/// fingerprint.
std::string describe_onnx(const std::filesystem::path& path, const ModelInfo& info);

}  // namespace shoplens
