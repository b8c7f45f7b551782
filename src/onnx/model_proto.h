// SPDX-License-Identifier: Apache-2.0
// What the writer and the readers of model.onnx must agree on: field numbers and types of
// onnx.proto. docs/formats.md has the layout.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "onnx/model_info.h"

namespace shoplens {

inline constexpr std::int64_t kOnnxIrVersion = 8, kOnnxOpset = 17;
inline constexpr const char* kOnnxProducer = "shoplens";
inline constexpr const char* kFormatKey = "shoplens.format";
inline constexpr const char* kFingerprintKey = "shoplens.fingerprint";

/// TensorProto.DataType.
enum class OnnxType : std::int32_t { kFloat = 1, kUint8 = 2, kInt8 = 3, kInt64 = 7 };

/// AttributeProto.AttributeType, and the field that holds a value of it.
enum class OnnxAttribute : std::int32_t { kFloat = 1, kInt = 2, kString = 3, kInts = 7 };

/// One entry of ModelProto.metadata_props with its tag, as bytes. The fingerprint's is the last of
/// the file, and the SHA-256 of every byte before it.
std::string metadata_entry(const std::string& key, const std::string& value);

/// Of a whole model.onnx its metadata and its graph, which points into `bytes`. Throws as
/// read_model_info.
std::pair<ModelInfo, std::string_view> check_model(std::string_view bytes,
                                                   const std::filesystem::path& path);

/// Throws kCorrupt, of a model.onnx.
[[noreturn]] void corrupt_model(const std::string& what, const std::filesystem::path& path,
                                const std::string& hint = {});

}  // namespace shoplens
