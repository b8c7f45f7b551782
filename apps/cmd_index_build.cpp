// SPDX-License-Identifier: Apache-2.0
// index build and index add: photos into a gallery.
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "data/manifest.h"
#include "gallery/gallery_file.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

// The manifest's rows that were embedded, as the gallery keeps them.
std::vector<GalleryItem> to_items(const Manifest& manifest, const std::vector<std::int64_t>& rows,
                                  const fs::path& gallery) {
  std::vector<GalleryItem> items;
  for (const std::int64_t place : rows) {
    const auto row = static_cast<std::size_t>(place);
    GalleryItem item{0,
                     manifest.labels[row],
                     manifest.names[row],
                     relative_to_gallery(manifest.paths[row], gallery),
                     {}};
    for (const auto& column : manifest.columns)
      if (!column.values[row].empty()) item.columns.emplace_back(column.name, column.values[row]);
    items.push_back(std::move(item));
  }
  return items;
}

struct BuildOptions {
  std::string gallery = "gallery.db", data, pipeline;
  double recall = 0;
  NetworkOptions network;
  bool force = false, json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to make");
    v(data, "data",
      "labelled photos: a CSV with path and label, or a folder with one folder a label");
    v(pipeline, "pipeline",
      "in place of --model: TOML file that says how the gallery answers, as `shoplens index "
      "pipeline` prints it");
    v(recall, "recall",
      "share of the nearest photos that a search finds, from 0 to 1; less than all is sooner found "
      "in large galleries; 0: all, or as --pipeline says");
    network.visit(v);
    v(force, "force", "overwrite the gallery if there is one");
    v(json, "json", "print one JSON document");
  }
};

void print_change(const std::string& gallery, const AddCounts& counts, const Manifest& manifest,
                  const PhotoEmbeddings& embedded, bool json) {
  const std::int64_t items = Gallery(gallery).size();
  if (json)
    print_json({{"gallery", gallery},
                {"added", counts.added},
                {"replaced", counts.replaced},
                {"skipped", counts.skipped},
                {"items", items},
                {"errors", errors_json(embedded.errors, manifest.names)}});
  else
    std::cout << gallery << ": " << counts.added << " added, " << counts.replaced << " replaced, "
              << counts.skipped << " skipped; " << items << " photos\n";
}

int build(const BuildOptions& o) {
  check(!o.data.empty(), "index build: want --data, a CSV or a folder of labelled photos");
  check(!o.network.model.empty() || !o.pipeline.empty(),
        "index build: want --model, a model.onnx, or --pipeline");
  check(o.recall >= 0 && o.recall <= 1, "--recall: want from 0 to 1, got ", o.recall);
  if (!o.force && fs::exists(o.gallery))  // said before the photos are embedded
    throw Error(ErrorCode::kBadInput,
                join("index build: want a new file, this one exists (", o.gallery, ")"),
                "add to it with `shoplens index add`, or overwrite it with --force");
  check_writable(o.gallery, o.force);
  const Manifest manifest = read_manifest(o.data);
  const auto pipeline = o.pipeline.empty()
                            ? open_pipeline("index build", o.network, manifest.size())
                            : open_pipeline_file(o.pipeline, o.network, manifest.size());
  check(pipeline->spec().whiten == 0,
        "index build: want a pipeline without whitening, which `shoplens index tune` learns (",
        o.pipeline, ")");
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  check(!embedded.photos.empty(), "index build: want photos, none could be read (", o.data, ")");
  PipelineSpec spec = pipeline->spec();
  if (o.recall > 0) spec.ranking.recall = o.recall;
  for (PipelineModel& model : spec.models) model.path = relative_to_gallery(model.path, o.gallery);
  build_gallery(
      o.gallery,
      {pipeline->fingerprint(), pipeline->arch(), pipeline->dim(), pipeline->spec().models[0].path},
      {{"pipeline", to_toml(spec)}}, to_items(manifest, embedded.photos, o.gallery),
      embedded.embeddings, o.force);
  print_change(o.gallery, {static_cast<std::int64_t>(embedded.photos.size()), 0, 0}, manifest,
               embedded, o.json);
  return status_of(embedded);
}

struct AddOptions {
  std::string gallery = "gallery.db", data, existing = "error";
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to add to");
    v(data, "data",
      "labelled photos: a CSV with path and label, or a folder with one folder a label");
    v(existing, "existing", "what to do with a path that the gallery has",
      {"error", "skip", "replace"});
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

// Says what is already there before the photos are embedded, which takes long; add() checks again.
void check_new(const Gallery& gallery, const Manifest& manifest) {
  const std::vector<std::string> there = gallery.existing(manifest.names);
  if (!there.empty())
    throw Error(ErrorCode::kBadInput,
                join("index add: want new paths, ", there[0],
                     there.size() > 1 ? join(" and ", there.size() - 1, " more") : "",
                     " already in the gallery (", gallery.path().string(), ")"),
                "--existing skip or --existing replace");
}

// Without the rows whose path the gallery has.
Manifest only_new(const Gallery& gallery, const Manifest& manifest) {
  const std::vector<std::string> there = gallery.existing(manifest.names);
  const std::unordered_set<std::string> known(there.begin(), there.end());
  std::vector<std::int64_t> rows;
  for (std::size_t row = 0; row < manifest.size(); ++row)
    if (!known.contains(manifest.names[row])) rows.push_back(static_cast<std::int64_t>(row));
  return select_rows(manifest, rows);
}

int add(const AddOptions& o) {
  check(!o.data.empty(), "index add: want --data, a CSV or a folder of labelled photos");
  Gallery gallery(o.gallery);
  Manifest manifest = read_manifest(o.data);
  const std::size_t listed = manifest.size();
  if (o.existing == "error") check_new(gallery, manifest);
  if (o.existing == "skip") manifest = only_new(gallery, manifest);
  const auto pipeline = open_gallery_pipeline(gallery, o.network, manifest.size());
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  const OnExisting on_existing = o.existing == "skip"      ? OnExisting::kSkip
                                 : o.existing == "replace" ? OnExisting::kReplace
                                                           : OnExisting::kError;
  AddCounts counts =
      gallery.add(pipeline->fingerprint(), to_items(manifest, embedded.photos, o.gallery),
                  embedded.embeddings, on_existing);
  counts.skipped += static_cast<std::int64_t>(listed - manifest.size());
  print_change(o.gallery, counts, manifest, embedded, o.json);
  return status_of(embedded);
}

}  // namespace

Command index_build_command() {
  return command<BuildOptions>("index build", "make a gallery of labelled photos", build);
}

Command index_add_command() {
  return command<AddOptions>("index add", "add labelled photos to a gallery, all or none", add);
}

}  // namespace shoplens
