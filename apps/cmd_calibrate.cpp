// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "apps/open_set_output.h"
#include "core/files.h"
#include "core/log.h"
#include "recognize/calibration_figure.h"

namespace shoplens {
namespace {

struct CalibrateCommandOptions {
  std::string gallery = "gallery.db", data, strangers, figure;
  CalibrateOptions calibrate;
  NetworkOptions network;
  bool dry_run = false, json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery.db made by `shoplens index build`");
    v(data, "data",
      "labelled photos that are not in the gallery, alike those that will be asked about; those of "
      "other labels than the gallery's are strangers");
    v(strangers, "strangers",
      "photos of other things; with none here nor in --data, products are left out of the gallery "
      "in turn");
    v(calibrate.false_accept_rate, "false-accept-rate",
      "share of strangers that may get a name; the others are \"unknown\"");
    v(calibrate.stranger_share, "stranger-share",
      "how many of the photos that will be asked about show strangers; what probabilities are for");
    v(calibrate.left_out, "left-out", "without strangers: in how many parts products are left out");
    v(calibrate.label_strangers, "label-strangers",
      "how many strangers a label must attract to get a threshold of its own");
    v(figure, "figure", "SVG file to draw the ROC curve and the calibration into");
    network.visit(v);
    v(dry_run, "dry-run", "show how it goes and leave the gallery as it is");
    v(json, "json", "print one JSON document");
  }
};

int run_calibrate(const CalibrateCommandOptions& o) {
  check(!o.data.empty(), "calibrate: want --data, a CSV or a folder of labelled photos");
  Gallery gallery(o.gallery);
  const Manifest held_out = read_manifest(o.data);
  check_held_out("calibrate", gallery, held_out);
  const Manifest strangers =
      o.strangers.empty() ? Manifest{} : read_manifest(o.strangers, /*want_labels=*/false);
  check_held_out("calibrate --strangers", gallery, strangers);
  const auto pipeline =
      open_gallery_pipeline(gallery, o.network, held_out.size() + strangers.size());
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, held_out.paths, o.network);
  const PhotoEmbeddings others = o.strangers.empty()
                                     ? PhotoEmbeddings{}
                                     : embed_and_report(*pipeline, strangers.paths, o.network);
  const CalibrateResult result = calibrate(gallery.content(), gallery.array("whitening"), *pipeline,
                                           held_out, embedded, others, o.calibrate);
  if (!o.dry_run) gallery.write_note("calibration", to_toml(result.calibration));
  if (!o.figure.empty()) {
    write_file(o.figure, calibration_svg(result.outcomes, result.report));
    log_info("drawn into ", o.figure);
  }
  if (o.json) {
    Json errors = errors_json(embedded.errors, held_out.names);
    for (Json& error : errors_json(others.errors, strangers.names))
      errors.push_back(std::move(error));
    print_json({{"gallery", o.gallery},
                {"threshold", result.calibration.threshold},
                {"label_thresholds", result.calibration.label_thresholds},
                {"open_set", to_json(result.report)},
                {"errors", std::move(errors)}});
  } else {
    print_text(result.report, "cross-validated");
  }
  return embedded.errors.empty() && others.errors.empty() ? 0 : 2;
}

}  // namespace

Command calibrate_command() {
  return command<CalibrateCommandOptions>(
      "calibrate", "learn from held-out photos how sure an answer is, and when it is \"unknown\"",
      run_calibrate);
}

}  // namespace shoplens
