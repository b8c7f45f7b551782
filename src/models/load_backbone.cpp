// SPDX-License-Identifier: Apache-2.0
#include "models/load_backbone.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "nn/read_weights.h"

namespace shoplens {
namespace {

// The tensors whose names begin with the prefix, without it.
NamedTensors behind(const NamedTensors& all, const std::string& prefix) {
  NamedTensors part;
  for (const auto& [name, tensor] : all)
    if (name.starts_with(prefix)) part.emplace_back(name.substr(prefix.size()), tensor);
  return part;
}

const torch::Tensor* find(const NamedTensors& all, const std::string& name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& item) { return item.first == name; });
  return found == all.end() ? nullptr : &found->second;
}

// Those behind the prefix that the backbone's first name has in the file.
NamedTensors backbone_part(const NamedTensors& all, const std::string& first) {
  for (const std::string prefix : {"", "module.", "backbone.", "module.backbone.", "backbone.net.",
                                   "module.backbone.net.", "model."})
    if (find(all, prefix + first)) return behind(all, prefix);
  return all;
}

// global_pool.p and neck.*, by the names that EmbeddingModel has for them; none without a neck.
NamedTensors neck_part(const NamedTensors& all) {
  for (const std::string outer : {"", "module."})
    for (const auto& names : {std::array{"fc", "bn", "act"}, std::array{"0", "1", "2"}}) {
      NamedTensors part;
      for (std::size_t i = 0; i < names.size(); ++i)
        for (const auto& [name, tensor] : behind(all, outer + "neck." + names[i] + "."))
          part.emplace_back(join("neck.", std::array{"fc", "bn", "act"}[i], '.', name), tensor);
      if (!find(part, "neck.fc.weight")) continue;
      if (const auto* p = find(all, outer + "global_pool.p"))
        part.emplace_back("global_pool.p", *p);
      return part;
    }
  return {};
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
  load_tensors(into, backbone_part(read_weights(path), into.front().first), path, left_out);
}

std::shared_ptr<EmbeddingModel> load_embedding_model(const BackboneEntry& entry,
                                                     const std::string& pool,
                                                     const std::filesystem::path& path) {
  const NamedTensors all = read_weights(path), neck = neck_part(all);
  const bool with_neck = pool == "auto" && !neck.empty();
  const std::string kind = with_neck && find(neck, "global_pool.p") ? "gem"
                           : pool == "auto"                         ? entry.default_pool("avg")
                                                                    : pool;
  const int dim = with_neck ? static_cast<int>(find(neck, "neck.fc.weight")->size(0)) : 0;
  const auto model = std::make_shared<EmbeddingModel>(
      EmbeddingModelOptions{.arch = entry.name, .pool = kind, .dim = dim});
  const std::string first = state_of(model->backbone()).front().first;
  NamedTensors from = backbone_part(all, first), into = model->state();
  if (with_neck)
    from.insert(from.end(), neck.begin(), neck.end());
  else  // GeM starts with its own p
    std::erase_if(into, [](const auto& item) { return item.first == "global_pool.p"; });
  std::vector<std::string> left_out = entry.classifier_prefixes;
  left_out.insert(left_out.end(), {"global_pool.", "neck.", "head."});
  load_tensors(into, from, path, left_out);
  return model;
}

}  // namespace shoplens
