// SPDX-License-Identifier: Apache-2.0
#include "models/load_backbone.h"

namespace shoplens {

NamedTensors state_of(const Backbone& backbone) {
  NamedTensors all;
  for (const auto& item : backbone.named_parameters()) all.emplace_back(item.key(), item.value());
  for (const auto& item : backbone.named_buffers()) all.emplace_back(item.key(), item.value());
  return all;
}

void load_backbone(Backbone& backbone, const BackboneEntry& entry,
                   const std::filesystem::path& path) {
  std::vector<std::string> left_out = entry.classifier_prefixes;
  left_out.insert(left_out.end(), {"global_pool.", "neck."});
  load_tensors(state_of(backbone), read_safetensors(path).tensors, path, left_out);
}

}  // namespace shoplens
