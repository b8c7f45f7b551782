// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "nn/safetensors.h"

namespace shoplens {

/// The tensors of a weights file: safetensors, or a PyTorch checkpoint (.pth, .pt, .bin), told
/// apart by content. Throws as read_safetensors and read_pth do.
NamedTensors read_weights(const std::filesystem::path& path);

}  // namespace shoplens
