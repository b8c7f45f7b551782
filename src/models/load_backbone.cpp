// SPDX-License-Identifier: Apache-2.0
#include "models/load_backbone.h"

#include <algorithm>

#include "nn/read_weights.h"

namespace shoplens {
namespace {

// The tensors behind the prefix that the backbone's first name has in the file, without the prefix.
NamedTensors without_prefix(NamedTensors all, const std::string& first) {
  for (const std::string prefix : {"", "module.", "backbone.", "module.backbone.", "backbone.net.",
                                   "module.backbone.net.", "model."}) {
    const auto has = [&](const auto& item) { return item.first == prefix + first; };
    if (std::none_of(all.begin(), all.end(), has)) continue;
    if (prefix.empty()) return all;
    NamedTensors part;
    for (const auto& [name, tensor] : all)
      if (name.starts_with(prefix)) part.emplace_back(name.substr(prefix.size()), tensor);
    return part;
  }
  return all;
}

}  // namespace

NamedTensors state_of(const torch::nn::Module& module) {
  NamedTensors all;
  for (const auto& item : module.named_parameters()) all.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) all.emplace_back(item.key(), item.value());
  return all;
}

void load_backbone(Backbone& backbone, const BackboneEntry& entry,
                   const std::filesystem::path& path) {
  std::vector<std::string> left_out = entry.classifier_prefixes;
  left_out.insert(left_out.end(), {"global_pool.", "neck."});
  const NamedTensors into = state_of(backbone);
  load_tensors(into, without_prefix(read_weights(path), into.front().first), path, left_out);
}

}  // namespace shoplens
