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
      "pooling of the feature map, without a neck; gem with p = 3; token: a vision transformer's "
      "class token; auto: the pooling and neck that the file has, as of the Lotte contest's winner "
      "or "
      "of `shoplens train`; of a backbone alone the class token where there is one, else avg",
      {"auto", "avg", "gem", "token"});
    preprocessing.visit(v);
  }
};

int import_backbone(const ImportOptions& options) {
  check(!options.arch.empty(), "import: want --arch, got none");
  check(!options.weights.empty(), "import: want --weights, got none");
  const BackboneEntry& entry = find_backbone(options.arch);
  const auto model = load_embedding_model(entry, options.pool, options.weights);
  ModelInfo info{.arch = entry.name,
                 .dim = 0,
                 .preprocessing = options.preprocessing.apply(entry.preprocessing),
                 .labels_hash = {},
                 .fingerprint = {}};
  info = write_onnx(*model, info, options.out);
  std::cout << describe_onnx(options.out, info) << '\n';
  return 0;
}

}  // namespace

Command import_command() {
  return command("import", "write pretrained weights of others as model.onnx", import_backbone);
}

}  // namespace shoplens
