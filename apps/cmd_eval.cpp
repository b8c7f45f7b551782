// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
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
  return {{"queries", m.queries},
          {"gallery", m.gallery},
          {"recall_at_1", m.recall_at_1},
          {"recall_at_5", m.recall_at_5},
          {"map", m.map},
          {"accuracy", e.accuracy},
          {"macro_f1", m.macro_f1},
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

int eval(const EvalOptions& o) {
  check(!o.data.empty(), "eval: want --data, a CSV or a folder of labelled photos");
  const Manifest manifest = read_manifest(o.data);
  const Gallery gallery(o.gallery);
  const auto pipeline = open_gallery_pipeline(gallery, o.network, manifest.size(), o.vote);
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  const GalleryContent content = gallery.content();
  const Matcher matcher(content.vectors, pipeline->blocks(), pipeline->spec(),
                        gallery.array("whitening"));
  const auto evaluations = evaluate(content.items, matcher, manifest, embedded,
                                    {pipeline->spec().decide, pipeline->classes()});
  if (o.json) {
    print_json(to_json(evaluations, errors_json(embedded.errors, manifest.names)));
  } else {
    print_text(evaluations);
    print_labels(evaluations[0]);
  }
  return status_of(embedded);
}

}  // namespace

Command eval_command() {
  return command<EvalOptions>("eval", "how well labelled photos find their product in a gallery",
                              eval);
}

}  // namespace shoplens
