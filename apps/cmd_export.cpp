// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "apps/commands.h"
#include "core/error.h"
#include "train/export_onnx.h"
#include "train/run_folder.h"

namespace shoplens {
namespace {

struct ExportOptions {
  std::vector<std::string> run;
  std::string out = "model.onnx";
  int img_size = 0;
  bool classes = false;
  template <class V>
  void visit(V& v) {
    v.positional(run, "RUN", "run folder made by `shoplens train`");
    v(out, "out", "file to write");
    v(img_size, "img-size",
      "side of the network's input, pixels; 0: as trained (a little larger often does better)");
    v(classes, "classes",
      "also write the raw embedding and the scores of the training classes, for pipelines with "
      "norm = 'joint' or vote = 'classes'");
  }
};

int export_model(const ExportOptions& options) {
  check(options.run.size() == 1, "export: want one run folder, got ", options.run.size());
  TrainedModel trained = RunFolder::open(options.run[0]).load_best();
  if (options.img_size > 0) trained.info.preprocessing.size = options.img_size;
  EmbeddingModel model({.arch = trained.info.arch, .pool = trained.pool, .dim = trained.info.dim});
  load_tensors(model.state(), trained.tensors, options.run[0]);
  if (options.classes && !trained.classes)
    throw Error(ErrorCode::kBadInput,
                join("export: want class scores, the run has none (", options.run[0], ")"),
                "its head was triplet, multi-similarity or one with sub-centres");
  const ModelInfo info = write_onnx(model, trained.info, options.out,
                                    options.classes ? trained.classes : std::nullopt);
  std::cout << describe_onnx(options.out, info) << '\n';
  return 0;
}

}  // namespace

Command export_command() {
  return command("export", "write a run's best model as model.onnx", export_model);
}

}  // namespace shoplens
