// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "apps/commands.h"
#include "core/error.h"
#include "models/load_backbone.h"
#include "train/export_onnx.h"

namespace shoplens {
namespace {

struct ImportOptions {
  std::string arch, weights, out = "model.onnx", pool = "avg", fit, interpolation;
  int img_size = 0;
  template <class V>
  void visit(V& v) {
    v(arch, "arch", "backbone, by timm's name");
    v(weights, "weights", "its weights: safetensors with timm's names");
    v(out, "out", "file to write");
    v(pool, "pool", "pooling of the feature map; gem with p = 3", {"avg", "gem"});
    v(img_size, "img-size", "side of the network's input, pixels; 0: the backbone's own");
    v(fit, "fit", "how a photo is brought to that size; empty: the backbone's own", {"", "squash", "crop", "letterbox"});
    v(interpolation, "interpolation", "resize filter; empty: the backbone's own", {"", "bilinear", "bicubic"});
  }
};

int import_backbone(const ImportOptions& options) {
  check(!options.arch.empty(), "import: want --arch, got none");
  check(!options.weights.empty(), "import: want --weights, got none");
  const BackboneEntry& entry = find_backbone(options.arch);
  ModelInfo info{.arch = entry.name, .dim = 0, .preprocessing = entry.preprocessing, .labels_hash = {}, .fingerprint = {}};
  if (options.img_size > 0) info.preprocessing.size = options.img_size;
  if (!options.fit.empty()) info.preprocessing.fit = fit_from_string(options.fit);
  if (!options.interpolation.empty()) info.preprocessing.interpolation = interpolation_from_string(options.interpolation);

  EmbeddingModel model({.arch = entry.name, .pool = options.pool, .dim = 0});
  load_backbone(model.backbone(), entry, options.weights);
  info = write_onnx(model, info, options.out);
  std::cout << describe_onnx(options.out, info) << '\n';
  return 0;
}

}  // namespace

Command import_command() {
  return command("import", "write a backbone's pretrained weights as model.onnx", import_backbone);
}

}  // namespace shoplens
