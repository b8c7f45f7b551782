// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include "models/backbone.h"
#include "nn/safetensors.h"

namespace shoplens {

/// A module's parameters, then its buffers, by name (a backbone's are timm's); the tensors are its
/// own.
NamedTensors state_of(const torch::nn::Module& module);

/// Loads pretrained weights strictly: a timm checkpoint (its classifier is left out), or a model
/// that `shoplens train` saved (its pooling and neck are left out); safetensors or PyTorch's own
/// format. When every name of the backbone stands behind module., backbone., backbone.net. (the
/// Lotte contest's winner) or model., as in contest code, that part is taken. Throws as
/// read_weights and load_tensors do.
void load_backbone(Backbone& backbone, const BackboneEntry& entry,
                   const std::filesystem::path& path);

}  // namespace shoplens
