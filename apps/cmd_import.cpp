// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "apps/commands.h"
#include "core/error.h"
#include "models/load_backbone.h"
#include "train/export_onnx.h"

namespace shoplens {
namespace {

struct ImportOptions {
  std::string arch, weights, out = "model.onnx", pool = "auto";
  PreprocessingOptions preprocessing;
  template <class V>
  void visit(V& v) {
    v(arch, "arch", "backbone, by timm's name");
    v(weights, "weights", "its weights: safetensors or a PyTorch checkpoint, with timm's names");
    v(out, "out", "file to write");
    v(pool, "pool",
      "pooling of the feature map; gem with p = 3; token: a vision transformer's class token; "
      "auto: that where there is one, else avg",
      {"auto", "avg", "gem", "token"});
    preprocessing.visit(v);
  }
};

int import_backbone(const ImportOptions& options) {
  check(!options.arch.empty(), "import: want --arch, got none");
  check(!options.weights.empty(), "import: want --weights, got none");
  const BackboneEntry& entry = find_backbone(options.arch);
  ModelInfo info{.arch = entry.name,
                 .dim = 0,
                 .preprocessing = options.preprocessing.apply(entry.preprocessing),
                 .labels_hash = {},
                 .fingerprint = {}};
  const std::string pool = options.pool == "auto" ? entry.default_pool("avg") : options.pool;
  EmbeddingModel model({.arch = entry.name, .pool = pool, .dim = 0});
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
