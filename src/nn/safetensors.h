// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace shoplens {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// A safetensors file's content. Types kept: F64, F32, F16, BF16, I64, I32, U8, BOOL.
struct Safetensors {
  NamedTensors tensors;                         // in the file's order
  std::map<std::string, std::string> metadata;  // its __metadata__
};

/// Reads a file as an untrusted input: header length, JSON, types, shapes and offsets are checked
/// before use. Throws kCorrupt that names the file and what is wrong.
Safetensors read_safetensors(const std::filesystem::path& path);

/// Writes the tensors (any device, any strides) atomically.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// Copies `from` into `into` by name; floating types are converted. Strict: throws kBadInput that
/// lists every missing, unexpected and mis-shaped tensor with its shapes and names `path`; nothing
/// is copied then. Names that start with one of `ignored_prefixes` may be in `from` without being
/// in `into`; a missing num_batches_tracked is left as it is.
void load_tensors(const NamedTensors& into, const NamedTensors& from,
                  const std::filesystem::path& path,
                  const std::vector<std::string>& ignored_prefixes = {});

}  // namespace shoplens
