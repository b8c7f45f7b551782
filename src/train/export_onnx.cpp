// SPDX-License-Identifier: Apache-2.0
#include "train/export_onnx.h"

#include "core/error.h"
#include "core/files.h"
#include "onnx/graph.h"

namespace shoplens {

ModelInfo write_onnx(EmbeddingModel& model, ModelInfo info, const std::filesystem::path& path) {
  const torch::NoGradGuard no_grad;
  model.eval();
  const int size = info.preprocessing.size;
  info.dim = model.dim();
  Graph graph;
  graph.output("embedding", model.forward(graph.input("pixels", {-1, 3, size, size})),
               {-1, info.dim});
  const std::string bytes = graph.serialize(info);
  write_file(path, bytes);
  return info;
}

std::string describe_onnx(const std::filesystem::path& path, const ModelInfo& info) {
  return join(path.string(), "  ", info.arch, "  ", info.preprocessing.size, " px  ", info.dim,
              "-d  fingerprint ", info.fingerprint.substr(0, 12));
}

}  // namespace shoplens
