// SPDX-License-Identifier: Apache-2.0
#include "core/options.h"
#include "models/backbone.h"
#include "models/convnext.h"
#include "models/efficientnet.h"
#include "models/mobilenetv3.h"
#include "models/nfnet.h"
#include "models/resnet.h"
#include "models/vision_transformer.h"

namespace shoplens {
namespace {

/// Centre crop of `crop_pct` of the picture, bicubic, ImageNet's mean and std: what most of timm's
/// weights expect.
Preprocessing imagenet(int size, double crop_pct) {
  return {.size = size, .fit = Fit::kCrop, .crop_pct = crop_pct};
}

/// The same with a mean and std of a half.
Preprocessing inception(int size, double crop_pct) {
  return {.size = size,
          .fit = Fit::kCrop,
          .crop_pct = crop_pct,
          .mean = kInceptionMean,
          .std = kInceptionStd};
}

/// The whole picture, its aspect ratio given up, bicubic, ImageNet's mean and std.
Preprocessing squash(int size) { return {.size = size, .fit = Fit::kSquash}; }

using Options = const BackboneOptions&;

}  // namespace

// Sizes, crops, means: default_cfg of timm 1.0.31, of each name's default weights, at the size they
// are tested at.
const std::vector<BackboneEntry>& backbones() {
  // clang-format off
  static const std::vector<BackboneEntry> entries = {
      {"mobilenetv2_100", 1280, 224, 224, imagenet(224, 0.875), {"classifier."}, true, mobilenetv2_100},
      {"mobilenetv3_large_100", 960, 224, 224, imagenet(224, 0.875), {"classifier.", "conv_head."}, true,
       mobilenetv3_large_100},
      {"efficientnet_b0", 1280, 224, 224, imagenet(224, 0.875), {"classifier."}, true,
       [](Options o) { return efficientnet(0, false, o); }},
      {"efficientnet_b1", 1280, 240, 288, inception(288, 1.0), {"classifier."}, true,
       [](Options o) { return efficientnet(1, false, o); }},
      {"efficientnet_b2", 1408, 256, 288, imagenet(288, 1.0), {"classifier."}, true,
       [](Options o) { return efficientnet(2, false, o); }},
      {"efficientnet_b3", 1536, 288, 320, imagenet(320, 1.0), {"classifier."}, true,
       [](Options o) { return efficientnet(3, false, o); }},
      {"efficientnet_b4", 1792, 320, 384, imagenet(384, 1.0), {"classifier."}, true,
       [](Options o) { return efficientnet(4, false, o); }},
      {"tf_efficientnet_b0", 1280, 224, 224, imagenet(224, 0.875), {"classifier."}, true,
       [](Options o) { return efficientnet(0, true, o); }},
      {"tf_efficientnet_b1", 1280, 240, 240, imagenet(240, 0.882), {"classifier."}, true,
       [](Options o) { return efficientnet(1, true, o); }},
      {"tf_efficientnet_b2", 1408, 260, 260, imagenet(260, 0.89), {"classifier."}, true,
       [](Options o) { return efficientnet(2, true, o); }},
      {"tf_efficientnet_b3", 1536, 300, 300, imagenet(300, 0.904), {"classifier."}, true,
       [](Options o) { return efficientnet(3, true, o); }},
      {"tf_efficientnet_b4", 1792, 380, 380, imagenet(380, 0.922), {"classifier."}, true,
       [](Options o) { return efficientnet(4, true, o); }},
      {"resnet50", 2048, 224, 288, imagenet(288, 1.0), {"fc."}, true, resnet50},
      {"convnext_tiny", 768, 224, 288, imagenet(288, 1.0), {"head."}, true, convnext_tiny},
      {"vit_small_patch14_dinov2", 384, 518, 518, imagenet(518, 1.0), {"head."}, false, vit_small_patch14_dinov2, 14},
      {"dm_nfnet_f0", 3072, 192, 256, squash(256), {"head."}, false, dm_nfnet_f0},
  };
  // clang-format on
  return entries;
}

const BackboneEntry& find_backbone(const std::string& name) {
  std::vector<std::string> names;
  for (const BackboneEntry& entry : backbones()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  refuse_name("backbone: want", name, names);
}

}  // namespace shoplens
