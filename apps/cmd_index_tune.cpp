// SPDX-License-Identifier: Apache-2.0
// index pipeline and index tune: what a gallery does to answer, shown, set, and learnt.
#include <iomanip>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/files.h"
#include "core/log.h"
#include "data/manifest.h"
#include "onnx/model_info.h"
#include "recognize/out_of_fold.h"
#include "recognize/tune.h"

namespace shoplens {
namespace {

struct PipelineCommandOptions {
  std::string gallery = "gallery.db", set;
  double recall = -1;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery.db made by `shoplens index build`");
    v(set, "set",
      "TOML file to take weights, views, ranking and decision from; its models must be the "
      "gallery's");
    v(recall, "recall",
      "share of the nearest photos that a search finds, from 0 to 1; 0: all, by an exact search; "
      "-1: "
      "as it is");
  }
};

void check_same_models(const PipelineSpec& own, const PipelineSpec& wanted,
                       const std::string& file) {
  bool same = own.models.size() == wanted.models.size() && own.norm == wanted.norm;
  for (std::size_t i = 0; same && i < own.models.size(); ++i)
    same = wanted.models[i].fingerprint.empty() ||
           wanted.models[i].fingerprint == own.models[i].fingerprint;
  if (!same)
    throw Error(ErrorCode::kBadInput,
                join("index pipeline: want the gallery's models and norm, got others (", file, ")"),
                "the gallery's vectors are theirs: build a new gallery for others");
}

int pipeline(const PipelineCommandOptions& o) {
  Gallery gallery(o.gallery);
  const PipelineSpec own = pipeline_of(gallery);
  const auto whitening = gallery.array("whitening");
  PipelineSpec wanted = own;
  if (!o.set.empty()) {
    wanted = pipeline_from_toml(read_file(o.set, 1 << 20), o.set);
    check_same_models(own, wanted, o.set);
    for (std::size_t i = 0; i < own.models.size(); ++i) {
      wanted.models[i].path = own.models[i].path;
      wanted.models[i].fingerprint = own.models[i].fingerprint;
    }
    check(wanted.whiten == 0 || (whitening && whitening->rows == wanted.whiten),
          "index pipeline: want whiten 0 or ", whitening ? whitening->rows : 0,
          ", as the gallery has learnt, got ", wanted.whiten, " (", o.set, ")");
  }
  if (o.recall != -1) {
    check(o.recall >= 0 && o.recall <= 1, "--recall: want from 0 to 1, got ", o.recall);
    wanted.ranking.recall = o.recall;
  }
  if (!o.set.empty() || o.recall != -1) replace_pipeline(gallery, own, wanted, whitening);
  std::cout << to_toml(wanted);
  return 0;
}

struct TuneOptions {
  std::string gallery = "gallery.db", data, out_of_fold, report;
  int whiten = 0, folds = 5;
  double max_drop = 0.005;
  bool dry_run = false, json = false;
  NetworkOptions network;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery.db made by `shoplens index build`");
    v(data, "data",
      "labelled photos that are not in the gallery, alike those that will be asked about");
    v(out_of_fold, "out-of-fold",
      "in place of --data: the list that the gallery's networks were trained on with `train "
      "--folds`; each photo is asked about by the networks that did not see it");
    v(report, "report",
      "further labelled photos, to see what each setting does for them; nothing is chosen by them");
    v(whiten, "whiten",
      "shorten the compared vectors to this length; 0: when it helps, tried for up to 1024 "
      "components or photos");
    v(folds, "folds",
      "parts of --data of which each is asked about with what the others chose: the gallery "
      "changes only when they gain and accuracy does not fall; 0: without; the networks' own with "
      "--out-of-fold");
    v(max_drop, "max-drop", "accuracy that --whiten may cost; more is refused");
    v(dry_run, "dry-run", "show the trials and leave the gallery as it is");
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

void print_percent(const std::initializer_list<double>& values) {
  for (const double value : values) std::cout << std::setw(10) << value * 100;
}

void print_text(const std::vector<TuneTrial>& trials) {
  const bool report = trials[0].report.has_value();
  std::cout << std::fixed << std::setprecision(2) << "  accuracy       R@5       mAP      mean"
            << (report ? " |  report:       R@5       mAP" : "") << '\n';
  for (const TuneTrial& t : trials) {
    print_percent({t.held_out.accuracy, t.held_out.recall_at_5, t.held_out.map, t.score});
    if (t.report) {
      std::cout << " |";
      print_percent({t.report->accuracy, t.report->recall_at_5, t.report->map});
    }
    std::cout << (t.kept ? "  * " : "    ") << t.what << '\n';
  }
}

Json to_json(const TuneFigures& f) {
  return {{"accuracy", f.accuracy}, {"recall_at_5", f.recall_at_5}, {"map", f.map}};
}

Json to_json(const std::vector<TuneTrial>& trials) {
  Json list = Json::array();
  for (const TuneTrial& t : trials) {
    Json trial = to_json(t.held_out);
    trial.update({{"what", t.what}, {"score", t.score}, {"kept", t.kept}});
    if (t.report) trial["report"] = to_json(*t.report);
    list.push_back(trial);
  }
  return list;
}

void print_text(const TuneCrossValidation& unseen, bool changes, const std::string& gallery) {
  const auto print = [](const char* when, const TuneFigures& f) {
    print_percent({f.accuracy, f.recall_at_5, f.map, tune_score(f)});
    std::cout << "    " << when << '\n';
  };
  std::cout << "\neach photo asked about with what the others chose:\n";
  print("as it is", unseen.before);
  print("tuned", unseen.after);
  if (!changes) std::cout << "no gain: " << gallery << " stays as it was\n";
}

// Photos that the gallery lacks, and what its networks make of them.
struct LabelledPhotos {
  Manifest list;
  PhotoEmbeddings embedded;
};

LabelledPhotos read_photos(const Gallery& gallery, const std::string& path) {
  LabelledPhotos photos;
  if (!path.empty()) photos.list = read_manifest(path);
  check_held_out("index tune", gallery, photos.list);
  return photos;
}

void check_sources(const TuneOptions& o) {
  check(o.data.empty() != o.out_of_fold.empty(),
        "index tune: want --data, a CSV or a folder of labelled photos, or --out-of-fold, what the "
        "networks were trained on");
  check(o.whiten >= 0, "--whiten: want at least 0, got ", o.whiten);
  check(o.folds == 0 || o.folds >= 2, "--folds: want 0 or at least 2, got ", o.folds);
  check(o.out_of_fold.empty() || (o.whiten == 0 && o.network.tta.empty()),
        "--out-of-fold: want no --whiten, which is of all networks together, and no --tta: the "
        "gallery's own vectors are compared");
}

// The gallery's own photos, by the folds of its networks.
OutOfFold read_out_of_fold(const TuneOptions& o, const Gallery& gallery,
                           const GalleryContent& content) {
  const PipelineSpec spec = located_pipeline_of(gallery, o.network.model);
  if (spec.whiten > 0 || spec.decide.vote == Vote::kClasses)
    throw Error(
        ErrorCode::kBadInput,
        join("--out-of-fold: want a gallery that does not ",
             spec.whiten > 0 ? "whiten" : "vote by classes", ", this one does (", o.gallery, ")"),
        "`shoplens index pipeline --set` with whiten = 0 and another vote changes it");
  gallery.check_model(fingerprint_of(spec), spec.models[0].path);
  std::vector<FoldNetwork> networks;
  for (const PipelineModel& model : spec.models) {
    networks.push_back({model.path, read_model_info(model.path)});
    check_fingerprint(model, networks.back().info.fingerprint);
  }
  OutOfFold folds(content, networks, read_manifest(o.out_of_fold));
  log_info(folds.photos(), " photos asked about, each by the networks that did not see it (",
           o.out_of_fold, ")");
  return folds;
}

// Throws when whitening costs more accuracy than --max-drop.
void check_whitening(const TuneOptions& o, const TuneCrossValidation& found) {
  if (o.whiten == 0 || found.unwhitened.accuracy - found.whitened.accuracy <= o.max_drop) return;
  throw Error(ErrorCode::kBadInput,
              join("index tune: want --whiten ", o.whiten, " to cost at most ", o.max_drop,
                   " of accuracy, it falls from ", found.unwhitened.accuracy, " to ",
                   found.whitened.accuracy, " (", o.data, ")"),
              "a larger --whiten keeps more; --max-drop says how much may be lost");
}

int tune_gallery(const TuneOptions& o) {
  check_sources(o);
  Gallery gallery(o.gallery);
  LabelledPhotos held_out = read_photos(gallery, o.data), report = read_photos(gallery, o.report);
  const GalleryContent content = gallery.content();
  const PipelineSpec own = pipeline_of(gallery);
  const auto whitening = gallery.array("whitening");
  std::optional<OutOfFold> out_of_fold;
  if (!o.out_of_fold.empty()) out_of_fold.emplace(read_out_of_fold(o, gallery, content));
  std::unique_ptr<Pipeline> pipeline;
  if (const std::size_t photos = held_out.list.size() + report.list.size(); photos > 0) {
    pipeline = open_gallery_pipeline(gallery, o.network, photos);
    for (LabelledPhotos* list : {&held_out, &report})
      if (list->list.size() > 0)
        list->embedded = embed_and_report(*pipeline, list->list.paths, o.network);
  }
  const auto classes = out_of_fold ? std::vector<std::string>{} : pipeline->classes();
  const auto data_of = [&](const LabelledPhotos& photos) {
    return tune_data(content, whitening, pipeline->blocks(), classes, photos.list, photos.embedded);
  };
  TuneData data = out_of_fold
                      ? TuneData{whitening, classes, out_of_fold->alike(), out_of_fold->parts()}
                      : data_of(held_out);
  if (!o.report.empty()) data.report = data_of(report).held_out;
  const TuneResult result = tune(own, data, o.whiten);
  const auto unseen =
      o.folds == 0 ? std::nullopt : cross_validate_tune(own, data, o.whiten, o.folds);
  // Too few photos for folds: those that chose tell.
  const auto of = [&](std::size_t trial) { return result.trials[trial].held_out; };
  const TuneCrossValidation found = unseen.value_or(
      TuneCrossValidation{of(0), of(result.chosen), of(result.unwhitened), of(result.whitened)});
  check_whitening(o, found);
  const bool changes =
      o.whiten > 0 || (result.chosen > 0 && (!unseen || is_gain(found.before, found.after)));
  if (changes && !o.dry_run) replace_pipeline(gallery, own, result.spec, result.whitening);
  if (o.json) {
    Json out{{"gallery", o.gallery},
             {"trials", to_json(result.trials)},
             {"pipeline", to_toml(changes ? result.spec : own)},
             {"changes", changes},
             {"errors", errors_json(held_out.embedded.errors, held_out.list.names)},
             {"report_errors", errors_json(report.embedded.errors, report.list.names)}};
    if (unseen)
      out["cross_validation"] = {{"before", to_json(unseen->before)},
                                 {"after", to_json(unseen->after)}};
    print_json(out);
  } else {
    print_text(result.trials);
    if (unseen) print_text(*unseen, changes, o.gallery);
  }
  return std::max(status_of(held_out.embedded), status_of(report.embedded));
}

}  // namespace

Command index_pipeline_command() {
  return command<PipelineCommandOptions>("index pipeline", "show or set how a gallery answers",
                                         pipeline);
}

Command index_tune_command() {
  return command<TuneOptions>("index tune", "learn how a gallery answers best from held-out photos",
                              tune_gallery);
}

}  // namespace shoplens
