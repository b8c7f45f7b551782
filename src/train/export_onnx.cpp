// SPDX-License-Identifier: Apache-2.0
#include "train/export_onnx.h"

#include "core/error.h"
#include "core/files.h"
#include "nn/conv2d.h"
#include "onnx/graph.h"

namespace shoplens {

ModelInfo write_onnx(EmbeddingModel& model, ModelInfo info, const std::filesystem::path& path,
                     const std::optional<LinearScores>& classes) {
  const torch::NoGradGuard no_grad;
  model.eval();
  const int size = info.preprocessing.size;
  info.dim = model.dim();
  Graph graph;
  const auto [raw, map] = model.forward_with_map(graph.input("pixels", {-1, 3, size, size}));
  const Value embedding = graph.l2_normalize(raw);
  std::optional<Value> scores;  // before outputs are named: a named value cannot be read any more
  const auto count = static_cast<std::int64_t>(info.classes.size());
  if (classes) {
    check(classes->weight.size(0) == count, "export: want scores of ", count, " classes, got ",
          classes->weight.size(0));
    scores = graph.linear(classes->of_unit_vector ? embedding : raw, constant_of(classes->weight),
                          constant_of(classes->bias));
  } else {
    info.classes.clear();
  }
  graph.output("embedding", embedding, {-1, info.dim});
  if (scores) {
    graph.output("raw", raw, {-1, info.dim});
    graph.output("classes", *scores, {-1, count});
  }
  const auto sides = model.forward_with_map(torch::zeros({1, 3, size, size})).map.sizes();
  graph.output("features", map, {-1, sides[1], sides[2], sides[3]});
  const std::string bytes = graph.serialize(info);
  write_file(path, bytes);
  return info;
}

std::string describe_onnx(const std::filesystem::path& path, const ModelInfo& info) {
  const bool draft = info.preprocessing.decode == Decode::kDraft;
  return join(path.string(), "  ", info.arch, "  ", info.preprocessing.size,
              draft ? " px of a draft  " : " px  ", info.dim, "-d  fingerprint ",
              info.fingerprint.substr(0, 12));
}

}  // namespace shoplens
