// SPDX-License-Identifier: Apache-2.0
#include "train/parameter_groups.h"

#include <set>

namespace shoplens {

NamedTensors parameters_of(const torch::nn::Module& module) {
  NamedTensors all;
  for (const auto& item : module.named_parameters()) all.emplace_back(item.key(), item.value());
  return all;
}

std::vector<ParameterGroup> parameter_groups(EmbeddingModel& model, const Head& head,
                                             const TrainOptions& options) {
  const NamedTensors backbone = parameters_of(model.backbone());
  std::set<const void*> in_backbone;
  for (const auto& [name, parameter] : backbone)
    in_backbone.insert(parameter.unsafeGetTensorImpl());
  NamedTensors neck, classes;
  for (const auto& [name, parameter] : parameters_of(model))
    if (!in_backbone.count(parameter.unsafeGetTensorImpl())) neck.emplace_back(name, parameter);
  for (const auto& [name, parameter] : parameters_of(head))
    classes.emplace_back("head." + name, parameter);

  std::vector<ParameterGroup> groups;
  const auto add = [&](const NamedTensors& parameters, double lr_scale, bool adaptive_clip) {
    ParameterGroup matrices{{}, lr_scale, options.weight_decay, adaptive_clip}, vectors = matrices;
    if (!options.decay_norms) vectors.weight_decay = 0;
    // A transformer's class token and positions, [1, T, C], are terms of a sum, as biases are; a
    // gain may be [C, 1, 1, 1].
    for (const auto& item : parameters) {
      const torch::Tensor& p = item.second;
      const bool matrix = p.dim() > 1 && p.size(0) > 1 && p.numel() > p.size(0);
      (matrix ? matrices : vectors).parameters.push_back(item);
    }
    for (ParameterGroup& group : {std::ref(matrices), std::ref(vectors)})
      if (!group.parameters.empty()) groups.push_back(std::move(group));
  };
  add(backbone, 1, true);
  add(neck, options.head_lr_scale, true);
  add(classes, options.head_lr_scale, false);
  return groups;
}

}  // namespace shoplens
