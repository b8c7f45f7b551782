// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "models/backbone.h"
#include "models/embedding_model.h"
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

/// A checkpoint as the network that embeds: with the pooling and the neck that it has beside the
/// backbone, as `shoplens train` saves them (neck.fc, neck.bn, neck.act) or the Lotte contest's
/// winner (neck.0, neck.1, neck.2); without a neck, or for another `pool` than "auto", the
/// backbone's features pooled by `pool`, auto being the class token where there is one, else avg.
std::shared_ptr<EmbeddingModel> load_embedding_model(const BackboneEntry& entry,
                                                     const std::string& pool,
                                                     const std::filesystem::path& path);

}  // namespace shoplens
