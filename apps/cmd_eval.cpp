// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "apps/open_set_output.h"
#include "core/log.h"
#include "recognize/evaluate.h"

namespace shoplens {
namespace {

struct EvalOptions {
  std::string gallery = "gallery.db", data;
  VoteOptions vote;
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery.db made by `shoplens index build`");
    v(data, "data",
      "labelled photos: a CSV with path and label, or a folder with one folder a label");
    vote.visit(v);
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

Json to_json(const Evaluation& e) {
  const RetrievalMetrics& m = e.metrics;
  Json labels = Json::array();
  for (const LabelMetrics& row : e.labels)
    labels.push_back({{"label", e.names[static_cast<std::size_t>(row.label)]},
                      {"queries", row.queries},
                      {"recall_at_1", row.recall_at_1},
                      {"precision", row.precision},
                      {"f1", row.f1}});
  return {{"queries", m.queries},         {"strangers", e.strangers},
          {"gallery", m.gallery},         {"recall_at_1", m.recall_at_1},
          {"recall_at_5", m.recall_at_5}, {"map", m.map},
          {"accuracy", e.accuracy},       {"macro_f1", m.macro_f1},
          {"labels", std::move(labels)}};
}

// The label's metrics, and those of every other column under its name (after "column_" if the name
// is taken).
Json to_json(const std::vector<Evaluation>& evaluations, Json errors) {
  Json json = to_json(evaluations[0]);
  json["errors"] = std::move(errors);
  for (std::size_t i = 1; i < evaluations.size(); ++i) {
    const std::string& name = evaluations[i].column;
    json[json.contains(name) ? "column_" + name : name] = to_json(evaluations[i]);
  }
  return json;
}

// The nearest that a search finds are told among as many as an answer looks at.
Json search_json(const Matcher& matcher, const PhotoEmbeddings& embedded) {
  const SearchReport report = matcher.search_report();
  if (report.cells == 0) return {{"index", "exact"}, {"recall_at_10", 1.0}};
  return {{"index", "approximate"},
          {"cells", report.cells},
          {"probes", report.probes},
          {"gallery_recall_at_10", report.recall},
          {"recall_at_10", matcher.search_recall(matcher.prepare(embedded.embeddings), 10)}};
}

// Nothing of an exact search.
void print_search(const Matcher& matcher, const PhotoEmbeddings& embedded) {
  const SearchReport report = matcher.search_report();
  if (report.cells == 0) return;
  std::cout << "\napproximate search of " << report.probes << " of " << report.cells
            << " cells: finds " << std::fixed << std::setprecision(2)
            << 100 * matcher.search_recall(matcher.prepare(embedded.embeddings), 10)
            << "% of the 10 nearest of an exact one\n";
}

void print_text(const std::vector<Evaluation>& evaluations) {
  std::cout << std::fixed << std::setprecision(2) << std::left << std::setw(16) << "percent"
            << std::right;
  for (const char* title : {"queries", "gallery", "R@1", "R@5", "mAP", "accuracy", "macro-F1"})
    std::cout << std::setw(10) << title;
  std::cout << '\n';
  for (const Evaluation& e : evaluations) {
    std::cout << std::left << std::setw(16) << e.column << std::right << std::setw(10)
              << e.metrics.queries << std::setw(10) << e.metrics.gallery;
    for (const double value : {e.metrics.recall_at_1, e.metrics.recall_at_5, e.metrics.map,
                               e.accuracy, e.metrics.macro_f1})
      std::cout << std::setw(10) << value * 100;
    std::cout << '\n';
  }
}

// A row a label, the worst first.
void print_labels(const Evaluation& e) {
  std::vector<LabelMetrics> rows = e.labels;
  std::stable_sort(rows.begin(), rows.end(),
                   [](const LabelMetrics& a, const LabelMetrics& b) { return a.f1 < b.f1; });
  std::cout << '\n'
            << std::setw(10) << "R@1" << std::setw(10) << "precision" << std::setw(10) << "F1"
            << std::setw(10) << "queries"
            << "  " << e.column << '\n';
  for (const LabelMetrics& row : rows)
    std::cout << std::setw(10) << row.recall_at_1 * 100 << std::setw(10) << row.precision * 100
              << std::setw(10) << row.f1 * 100 << std::setw(10) << row.queries << "  "
              << e.names[static_cast<std::size_t>(row.label)] << '\n';
}

// How the photos of labels that the gallery does not have are told from the others: of a calibrated
// gallery, when there are any of both.
std::optional<OpenSetReport> tell_strangers(const Recognizer& recognizer, const Manifest& manifest,
                                            const PhotoEmbeddings& embedded) {
  std::vector<std::string> labels;
  for (const std::int64_t photo : embedded.photos)
    labels.push_back(manifest.labels[static_cast<std::size_t>(photo)]);
  const auto strangers = std::count_if(labels.begin(), labels.end(), [&](const std::string& label) {
    return !recognizer.knows(label);
  });
  if (strangers == 0 || strangers == static_cast<std::int64_t>(labels.size()) ||
      !recognizer.calibrated())
    return std::nullopt;
  return open_set_report(outcomes_of(
      recognizer, recognizer.answer(embedded.embeddings, embedded.class_probabilities), labels));
}

int eval(const EvalOptions& o) {
  check(!o.data.empty(), "eval: want --data, a CSV or a folder of labelled photos");
  const Manifest manifest = read_manifest(o.data);
  const Gallery gallery(o.gallery);
  const auto pipeline = open_gallery_pipeline(gallery, o.network, manifest.size(), o.vote);
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  std::vector<GalleryItem> items;
  std::optional<Recognizer> opened;
  {
    const auto state = gallery.one_state();
    items = gallery.items();
    opened.emplace(gallery, *pipeline,
                   RecognizeOptions{.decide = pipeline->spec().decide,
                                    .calibration = calibration_of(gallery, pipeline->spec()),
                                    .index_file = index_file_of(o.gallery)});
  }
  const Recognizer& recognizer = *opened;
  const auto evaluations = evaluate(items, recognizer.matcher(), manifest, embedded,
                                    {pipeline->spec().decide, pipeline->classes()});
  if (evaluations[0].strangers > 0)
    log_warning(evaluations[0].strangers, " of ", embedded.photos.size(),
                " photos have labels that the gallery does not: strangers, not among the queries",
                recognizer.calibrated() ? "" : "; `shoplens calibrate` teaches to tell them");
  const auto open_set = tell_strangers(recognizer, manifest, embedded);
  if (o.json) {
    Json json = to_json(evaluations, errors_json(embedded.errors, manifest.names));
    json["search"] = search_json(recognizer.matcher(), embedded);
    if (open_set) json["open_set"] = to_json(*open_set);
    print_json(json);
  } else {
    print_text(evaluations);
    print_labels(evaluations[0]);
    print_search(recognizer.matcher(), embedded);
    if (open_set) {
      std::cout << '\n';
      print_text(*open_set, "");
    }
  }
  return status_of(embedded);
}

}  // namespace

Command eval_command() {
  return command<EvalOptions>("eval", "how well labelled photos find their product in a gallery",
                              eval);
}

}  // namespace shoplens
