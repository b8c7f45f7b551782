// SPDX-License-Identifier: Apache-2.0
// What the writer and the reader of model.onnx must agree on. docs/formats.md has the layout.
#pragma once
#include <cstdint>
#include <string>

namespace shoplens {

inline constexpr std::int64_t kOnnxIrVersion = 8, kOnnxOpset = 17;
inline constexpr const char* kOnnxProducer = "shoplens";
inline constexpr const char* kFingerprintKey = "shoplens.fingerprint";

/// One entry of ModelProto.metadata_props with its tag, as bytes. The fingerprint's is the last of
/// the file, and the SHA-256 of every byte before it.
std::string metadata_entry(const std::string& key, const std::string& value);

}  // namespace shoplens
