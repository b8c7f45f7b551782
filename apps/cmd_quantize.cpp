// SPDX-License-Identifier: Apache-2.0
#include <iomanip>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "data/folds.h"
#include "quantize/int8.h"

namespace shoplens {
namespace {

struct QuantizeOptions {
  std::vector<std::string> model;
  std::string calibrate, held_out, out = "model.int8.onnx";
  Int8Options int8;
  double max_recall_loss = 0.5;  // points
  bool json = false;

  template <class V>
  void visit(V& v) {
    v.positional(model, "MODEL", "model.onnx written by `shoplens export` or `import`");
    v(calibrate, "calibrate", "the catalogue's photos: a CSV with path and label, or a folder");
    v(held_out, "held-out",
      "labelled photos to judge by, none of them in --calibrate; empty: a fifth of --calibrate");
    v(out, "out", "file to write");
    v(int8.range_photos, "range-photos",
      "how many of the catalogue's photos the ranges of values are from");
    v(int8.probe_photos, "probe-photos",
      "how many of them are tried when layers must be told apart by the harm they do");
    v(int8.want_cosine, "want-cosine",
      "mean cosine of embeddings to the float model's for which layers stay in float, the most "
      "harmful first, a quarter of them at most");
    v(int8.min_cosine, "min-cosine", "a model whose mean cosine is below is refused");
    v(max_recall_loss, "max-recall-loss",
      "points of R@1 that may be lost; a model that loses more is refused");
    v(int8.weight_bits, "weight-bits",
      "8 is more exact, and right only on processors with VNNI; 7 is right on all");
    v(int8.batch_size, "batch-size", "photos in one network call");
    v(int8.threads, "threads", "of the network; 0: the cores there are");
    v(json, "json", "print one JSON document");
  }
};

// The lists to learn from and to judge by.
std::pair<Manifest, Manifest> split(const QuantizeOptions& o) {
  Manifest catalogue = read_manifest(o.calibrate);
  if (!o.held_out.empty()) {
    Manifest held_out = read_manifest(o.held_out);
    const std::set<std::filesystem::path> known(catalogue.paths.begin(), catalogue.paths.end());
    for (const auto& path : held_out.paths)  // it would find itself, whatever rounding does
      check(!known.contains(path), "quantize: want photos that are not in --calibrate, ",
            path.string(), " is (", o.held_out, ")");
    return {std::move(catalogue), std::move(held_out)};
  }
  std::vector<std::int64_t> kept, held_out;
  const std::vector<int> folds = stratified_folds(catalogue.labels, 5, 0);
  for (std::size_t i = 0; i < folds.size(); ++i)
    (folds[i] == 0 ? held_out : kept).push_back(static_cast<std::int64_t>(i));
  return {select_rows(catalogue, kept), select_rows(catalogue, held_out)};
}

Json to_json(const std::string& out, const Int8Result& result) {
  Json in_float = Json::array();
  for (const LayerHarm& kept : result.in_float)
    in_float.push_back({{"layer", kept.layer.name}, {"harm", kept.harm}});
  return {{"out", out},
          {"fingerprint", result.info.fingerprint},
          {"layers", result.layers},
          {"in_float", std::move(in_float)},
          {"queries", result.queries},
          {"cosine", result.cosine},
          {"recall_at_1_float", result.recall_float},
          {"recall_at_1", result.recall}};
}

void print_text(const std::string& out, const Int8Result& result) {
  std::cout << out << "  " << result.info.arch << "  " << result.layers - result.in_float.size()
            << " of " << result.layers << " layers in 8 bits  fingerprint "
            << result.info.fingerprint.substr(0, 12) << '\n'
            << std::fixed << std::setprecision(2) << "R@1 " << 100 * result.recall << ", in float "
            << 100 * result.recall_float << ", of " << result.queries
            << " held-out photos; mean cosine to their float embeddings " << std::setprecision(4)
            << result.cosine << '\n';
  for (const LayerHarm& kept : result.in_float)
    std::cout << "in float: " << describe(kept.layer) << ", alone in 8 bits 1 - cosine is "
              << kept.harm << '\n';
}

int run_quantize(const QuantizeOptions& o) {
  check(o.model.size() == 1, "quantize: want one model.onnx, got ", o.model.size());
  check(!o.calibrate.empty(), "quantize: want --calibrate, the catalogue's photos");
  std::error_code absent;
  check(!std::filesystem::equivalent(o.model[0], o.out, absent),
        "quantize: want another file than the model for --out, got ", o.out);
  Int8Options int8 = o.int8;
  int8.max_recall_loss = o.max_recall_loss / 100;
  const auto [catalogue, held_out] = split(o);
  const Int8Result result = quantize_model(o.model[0], o.out, catalogue, held_out, int8);
  if (o.json)
    print_json(to_json(o.out, result));
  else
    print_text(o.out, result);
  return 0;
}

}  // namespace

Command quantize_command() {
  return command<QuantizeOptions>(
      "quantize", "write a model.onnx that computes in 8 bits, if it answers as well",
      run_quantize);
}

}  // namespace shoplens
