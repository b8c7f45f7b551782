// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/log.h"
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

// ---- build

struct BuildOptions {
  std::string gallery = "gallery.db", data, model;
  NetworkOptions network;
  bool force = false, json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to make");
    v(data, "data",
      "labelled photos: a CSV with path and label, or a folder with one folder a label");
    v(model, "model", "model.onnx written by `shoplens export` or `import`");
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
  check(!o.model.empty(), "index build: want --model, a model.onnx");
  if (!o.force && fs::exists(o.gallery))  // said before the photos are embedded
    throw Error(ErrorCode::kBadInput,
                join("index build: want a new file, this one exists (", o.gallery, ")"),
                "add to it with `shoplens index add`, or overwrite it with --force");
  const Manifest manifest = read_manifest(o.data);
  const auto embedder = open_embedder(o.model, o.network, manifest.size());
  const PhotoEmbeddings embedded = embed_and_report(*embedder, manifest.paths, o.network);
  check(!embedded.photos.empty(), "index build: want photos, none could be read (", o.data, ")");
  const ModelInfo& info = embedder->info();
  build_gallery(o.gallery, {info.fingerprint, info.arch, info.dim, o.model},
                {{"tta", o.network.tta}}, to_items(manifest, embedded.photos, o.gallery),
                embedded.embeddings, o.force);
  print_change(o.gallery, {static_cast<std::int64_t>(embedded.photos.size()), 0, 0}, manifest,
               embedded, o.json);
  return status_of(embedded);
}

// ---- add

struct AddOptions {
  std::string gallery = "gallery.db", data, model, existing = "error";
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to add to");
    v(data, "data",
      "labelled photos: a CSV with path and label, or a folder with one folder a label");
    v(model, "model", "model.onnx; without it, the one the gallery names");
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
Manifest only_new(const Gallery& gallery, Manifest manifest) {
  Manifest rest;
  rest.source = manifest.source;
  for (const auto& column : manifest.columns) rest.columns.push_back({column.name, {}});
  for (std::size_t row = 0; row < manifest.size(); ++row) {
    if (!gallery.existing({manifest.names[row]}).empty()) continue;
    rest.paths.push_back(manifest.paths[row]);
    rest.names.push_back(manifest.names[row]);
    rest.labels.push_back(manifest.labels[row]);
    for (std::size_t c = 0; c < rest.columns.size(); ++c)
      rest.columns[c].values.push_back(manifest.columns[c].values[row]);
  }
  return rest;
}

int add(const AddOptions& o) {
  check(!o.data.empty(), "index add: want --data, a CSV or a folder of labelled photos");
  Gallery gallery(o.gallery);
  Manifest manifest = read_manifest(o.data);
  const std::size_t listed = manifest.size();
  if (o.existing == "error") check_new(gallery, manifest);
  if (o.existing == "skip") manifest = only_new(gallery, std::move(manifest));
  NetworkOptions network = o.network;
  if (network.tta == "none" && !gallery.note("tta").empty()) network.tta = gallery.note("tta");
  const auto embedder = open_gallery_embedder(gallery, o.model, network, manifest.size());
  const PhotoEmbeddings embedded = embed_and_report(*embedder, manifest.paths, network);
  const OnExisting on_existing = o.existing == "skip"      ? OnExisting::kSkip
                                 : o.existing == "replace" ? OnExisting::kReplace
                                                           : OnExisting::kError;
  AddCounts counts =
      gallery.add(embedder->info().fingerprint, to_items(manifest, embedded.photos, o.gallery),
                  embedded.embeddings, on_existing);
  counts.skipped += static_cast<std::int64_t>(listed - manifest.size());
  print_change(o.gallery, counts, manifest, embedded, o.json);
  return status_of(embedded);
}

// ---- remove

struct RemoveOptions {
  std::string gallery = "gallery.db";
  std::vector<std::string> id, label, path;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to remove from");
    v(id, "id", "photo to remove, by its id; may be repeated");
    v(label, "label", "label to remove with all its photos; may be repeated");
    v(path, "path",
      "photo to remove, by its path as `index list --items` shows it; may be repeated");
    v(json, "json", "print one JSON document");
  }
};

std::vector<std::int64_t> to_ids(const std::vector<std::string>& words) {
  std::vector<std::int64_t> ids;
  for (const std::string& word : words) {
    check(!word.empty() && word.size() < 19 &&
              word.find_first_not_of("0123456789") == std::string::npos,
          "--id: want a number, got ", word);
    ids.push_back(std::stoll(word));
  }
  return ids;
}

int remove(const RemoveOptions& o) {
  check(!o.id.empty() || !o.label.empty() || !o.path.empty(),
        "index remove: want --id, --label or --path");
  const auto ids = to_ids(o.id);
  Gallery gallery(o.gallery);
  const std::int64_t removed =
      gallery.remove_ids(ids) + gallery.remove_labels(o.label) + gallery.remove_paths(o.path);
  if (o.json)
    print_json({{"gallery", o.gallery}, {"removed", removed}, {"items", gallery.size()}});
  else
    std::cout << o.gallery << ": " << removed << " removed; " << gallery.size() << " photos\n";
  check(removed > 0, "index remove: want something that is in the gallery, found nothing of it (",
        o.gallery, ")");
  return 0;
}

// ---- list

struct ListOptions {
  std::string gallery = "gallery.db";
  bool items = false, json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to show");
    v(items, "items", "every photo, not only how many a label has");
    v(json, "json", "print one JSON document");
  }
};

Json list_json(const Gallery& gallery, bool with_items) {
  const GalleryModel& model = gallery.model();
  Json json{{"gallery", gallery.path().string()},
            {"model",
             {{"fingerprint", model.fingerprint},
              {"arch", model.arch},
              {"dim", model.dim},
              {"path", model.path}}},
            {"tta", gallery.note("tta")},
            {"items", gallery.size()},
            {"labels", gallery.label_counts()}};
  if (!with_items) return json;
  json["photos"] = Json::array();
  for (const GalleryItem& item : gallery.items()) {
    Json columns = Json::object();
    for (const auto& [name, value] : item.columns) columns[name] = value;
    json["photos"].push_back({{"id", item.id},
                              {"label", item.label},
                              {"path", item.path},
                              {"source", item.source},
                              {"columns", std::move(columns)}});
  }
  return json;
}

int list(const ListOptions& o) {
  const Gallery gallery(o.gallery);
  if (o.json) {
    print_json(list_json(gallery, o.items));
  } else if (o.items) {
    for (const GalleryItem& item : gallery.items())
      std::cout << item.id << '\t' << item.label << '\t' << item.path << '\n';
  } else {
    const auto counts = gallery.label_counts();
    for (const auto& [label, count] : counts) std::cout << count << '\t' << label << '\n';
    std::cout << gallery.size() << " photos of " << counts.size() << " labels; model "
              << gallery.model().arch << ", " << gallery.model().dim << "-d\n";
  }
  return 0;
}

// ---- verify

struct VerifyOptions {
  std::string gallery = "gallery.db";
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to check");
    v(json, "json", "print one JSON document");
  }
};

int verify(const VerifyOptions& o) {
  const Gallery gallery(o.gallery);
  std::vector<std::string> faults = gallery.verify();
  if (const auto model = gallery.locate_model(); !model)
    log_warning("the gallery's model was not found, so it is not checked (", gallery.model().path,
                ")");
  else if (read_model_info(*model).fingerprint != gallery.model().fingerprint)
    faults.push_back(join("its model is another one now (", model->string(), ")"));
  if (o.json) {
    print_json({{"gallery", o.gallery}, {"sound", faults.empty()}, {"faults", faults}});
  } else {
    for (const std::string& fault : faults) std::cout << fault << '\n';
    std::cout << o.gallery << (faults.empty() ? ": sound, " : ": NOT sound, ") << gallery.size()
              << " photos\n";
  }
  return faults.empty() ? 0 : 1;
}

// ---- snapshot and restore

struct SnapshotOptions {
  std::string gallery = "gallery.db", out;
  bool force = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to copy; others may write to it meanwhile");
    v(out, "out", "file to write");
    v(force, "force", "overwrite the file if there is one");
  }
};

int snapshot(const SnapshotOptions& o) {
  check(!o.out.empty(), "index snapshot: want --out, a file to write");
  snapshot_gallery(o.gallery, o.out, o.force);
  std::cout << o.out << ": " << Gallery(o.out).size() << " photos\n";
  return 0;
}

struct RestoreOptions {
  std::string gallery = "gallery.db", from;
  bool force = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to bring back; what it holds now is lost");
    v(from, "from", "file that `index snapshot` wrote");
    v(force, "force", "replace the gallery even if it is too damaged to be known for one");
  }
};

int restore(const RestoreOptions& o) {
  check(!o.from.empty(), "index restore: want --from, a file that `shoplens index snapshot` wrote");
  restore_gallery(o.from, o.gallery, o.force);
  std::cout << o.gallery << ": " << Gallery(o.gallery).size() << " photos\n";
  return 0;
}

}  // namespace

std::vector<Command> index_commands() {
  return {
      command<BuildOptions>("index build", "make a gallery of labelled photos", build),
      command<AddOptions>("index add", "add labelled photos to a gallery, all or none", add),
      command<RemoveOptions>("index remove", "remove photos from a gallery", remove),
      command<ListOptions>("index list", "show what a gallery holds", list),
      command<VerifyOptions>("index verify", "check a gallery; exit status 1 when it is not sound",
                             verify),
      command<SnapshotOptions>("index snapshot", "copy a gallery while it is in use", snapshot),
      command<RestoreOptions>("index restore", "bring a gallery back from a snapshot", restore)};
}

}  // namespace shoplens
