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
  std::string out = "model.onnx", decode, calibrate, held_out;
  int img_size = 0, weight_bits = 7;
  bool classes = false, int8 = false;
  template <class V>
  void visit(V& v) {
    v.positional(run, "RUN", "run folder made by `shoplens train`");
    v(out, "out", "file to write");
    v(img_size, "img-size",
      "side of the network's input, pixels; 0: as trained (a little larger often does better)");
    v(decode, "decode",
      "draft: a JPEG of many pixels is decoded smaller, in half the time; empty: as trained",
      {"", "full", "draft"});
    v(classes, "classes",
      "also write the raw embedding and the scores of the training classes, for pipelines with "
      "norm = 'joint' or vote = 'classes'");
    v(int8, "int8",
      "compute in 8 bits where that answers as well: `shoplens quantize` of the float model, which "
      "is written as OUT's name with .float before .onnx");
    v(calibrate, "calibrate", "with --int8: the catalogue's photos, as `shoplens quantize` has it");
    v(held_out, "held-out", "with --int8: labelled photos to judge by, likewise");
    v(weight_bits, "weight-bits",
      "with --int8: 8 is more exact, and right only on processors with VNNI; 7 is right on all");
  }
};

// OpenVINO, which measures what 8 bits do to an embedding, is in the other program.
[[noreturn]] void hand_to_quantize(const ExportOptions& o, const std::string& model) {
  Words words{
      "quantize", model, "--calibrate", o.calibrate, "--weight-bits", std::to_string(o.weight_bits),
      "--out",    o.out};
  if (!o.held_out.empty()) words.insert(words.end(), {"--held-out", o.held_out});
  std::cout.flush();
  hand_over("shoplens", words);
}

int export_model(const ExportOptions& options) {
  check(options.run.size() == 1, "export: want one run folder, got ", options.run.size());
  check(options.int8 == !options.calibrate.empty(), "export: want --int8 and --calibrate together");
  check(options.int8 || options.weight_bits == 7,
        "export: want --int8 with --weight-bits, got it without");
  check(options.weight_bits >= 2 && options.weight_bits <= 8,
        "export: want 2 to 8 --weight-bits, got ", options.weight_bits);
  const std::string out =
      options.int8 ? std::filesystem::path(options.out).replace_extension(".float.onnx").string()
                   : options.out;
  TrainedModel trained = RunFolder::open(options.run[0]).load_best();
  trained.info.preprocessing =
      PreprocessingOptions{.img_size = options.img_size, .decode = options.decode}.apply(
          trained.info.preprocessing);
  EmbeddingModel model({.arch = trained.info.arch, .pool = trained.pool, .dim = trained.info.dim});
  load_tensors(model.state(), trained.tensors, options.run[0]);
  if (options.classes && !trained.classes)
    throw Error(ErrorCode::kBadInput,
                join("export: want class scores, the run has none (", options.run[0], ")"),
                "its head was triplet, multi-similarity or one with sub-centres");
  const ModelInfo info =
      write_onnx(model, trained.info, out, options.classes ? trained.classes : std::nullopt);
  std::cout << describe_onnx(out, info) << '\n';
  if (options.int8) hand_to_quantize(options, out);
  return 0;
}

}  // namespace

Command export_command() {
  return command("export", "write a run's best model as model.onnx", export_model);
}

}  // namespace shoplens
