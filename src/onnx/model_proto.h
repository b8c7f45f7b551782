// SPDX-License-Identifier: Apache-2.0
// What the writer and the readers of model.onnx must agree on: field numbers and types of
// onnx.proto. docs/formats.md has the layout.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "onnx/model_info.h"

namespace shoplens {

inline constexpr std::int64_t kOnnxIrVersion = 8, kOnnxOpset = 17;
inline constexpr const char* kOnnxProducer = "shoplens";
inline constexpr const char* kFingerprintKey = "shoplens.fingerprint";

/// TensorProto.DataType.
enum class OnnxType : std::int32_t { kFloat = 1, kUint8 = 2, kInt8 = 3, kInt64 = 7 };

/// AttributeProto.AttributeType, and the field that holds a value of it.
enum class OnnxAttribute : std::int32_t { kFloat = 1, kInt = 2, kString = 3, kInts = 7 };

/// One entry of ModelProto.metadata_props with its tag, as bytes. The fingerprint's is the last of
/// the file, and the SHA-256 of every byte before it.
std::string metadata_entry(const std::string& key, const std::string& value);

/// The top level of a ModelProto. `graph` points into the bytes it was read from.
struct ModelProto {
  std::map<std::string, std::string> metadata;
  std::string producer;
  std::string_view graph;
};

/// Throws kCorrupt, naming `path`, for what is not ONNX or is cut short.
ModelProto parse_model_proto(const std::string& bytes, const std::filesystem::path& path);

/// What read_model_info returns and throws, of bytes that are here already.
ModelInfo check_model(const ModelProto& model, const std::string& bytes,
                      const std::filesystem::path& path);

}  // namespace shoplens
