// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "losses/head.h"
#include "models/embedding_model.h"
#include "train/optimizer.h"
#include "train/options.h"

namespace shoplens {

NamedTensors parameters_of(const torch::nn::Module& module);

/// What the optimiser treats alike: backbone, pooling and neck, and head, the latter two at
/// head_lr_scale; each part once with and once without weight decay (vectors: norms, biases, GeM's
/// p, gains; with decay_norms they decay too). Adaptive clipping leaves the head out. No group is
/// empty.
std::vector<ParameterGroup> parameter_groups(EmbeddingModel& model, const Head& head,
                                             const TrainOptions& options);

}  // namespace shoplens
