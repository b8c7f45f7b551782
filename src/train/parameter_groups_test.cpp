// SPDX-License-Identifier: Apache-2.0
#include "train/parameter_groups.h"

#include <gtest/gtest.h>

#include "models/backbone.h"

namespace shoplens {
namespace {

// What decays is what multiplies: convolutions and matrices, of every backbone, each once.
TEST(ParameterGroups, DecayMatricesAlone) {
  for (const char* arch : {"mobilenetv2_100", "dm_nfnet_f0", "convnext_tiny",
                           "vit_small_patch14_dinov2", "resnet50"}) {
    EmbeddingModel model({.arch = arch, .pool = "gem", .dim = 8});
    const auto head = make_head({.dim = 8, .classes = 3});
    std::size_t parameters = 0;
    for (const ParameterGroup& group : parameter_groups(model, *head, {}))
      for (const auto& [name, parameter] : group.parameters) {
        ++parameters;
        const bool vector = name.ends_with("bias") || name.ends_with("gain") ||
                            name.ends_with("gamma") || name.ends_with("cls_token") ||
                            name.ends_with("pos_embed") || name.ends_with(".p") ||
                            (name.ends_with("weight") && parameter.dim() == 1);
        EXPECT_EQ(group.weight_decay == 0, vector) << arch << ' ' << name;
      }
    EXPECT_EQ(parameters, model.parameters().size() + head->parameters().size()) << arch;
  }
}

}  // namespace
}  // namespace shoplens
