// SPDX-License-Identifier: Apache-2.0
// The verbs that change or show a gallery without a network; build and add are in
// cmd_index_build.cpp.
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "core/log.h"
#include "gallery/gallery.h"
#include "gallery/gallery_file.h"
#include "onnx/model_info.h"
#include "recognize/pipeline_spec.h"

namespace shoplens {
namespace {

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

Json pipeline_json(const Gallery& gallery) {
  const PipelineSpec spec = pipeline_of(gallery);
  Json models = Json::array();
  for (const PipelineModel& m : spec.models)
    models.push_back({{"path", m.path}, {"fingerprint", m.fingerprint}, {"weight", m.weight}});
  return {{"tta", to_string(spec.tta)}, {"models", std::move(models)}};
}

Json list_json(const Gallery& gallery, bool with_items) {
  const GalleryModel& model = gallery.model();
  Json json{{"gallery", gallery.path().string()},
            {"model",
             {{"fingerprint", model.fingerprint},
              {"arch", model.arch},
              {"dim", model.dim},
              {"path", model.path}}},
            {"pipeline", pipeline_json(gallery)},
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
  for (const PipelineModel& recorded : pipeline_of(gallery).models) {
    const auto model = gallery.locate_model(recorded.path);
    if (!model)
      log_warning("a model of the gallery was not found, so it is not checked (", recorded.path,
                  ")");
    else if (read_model_info(*model).fingerprint != recorded.fingerprint)
      faults.push_back(join("its model is another one now (", model->string(), ")"));
  }
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
      index_build_command(),
      index_add_command(),
      index_pipeline_command(),
      index_tune_command(),
      index_upgrade_command(),
      command<RemoveOptions>("index remove", "remove photos from a gallery", remove),
      command<ListOptions>("index list", "show what a gallery holds", list),
      command<VerifyOptions>("index verify", "check a gallery; exit status 1 when it is not sound",
                             verify),
      command<SnapshotOptions>("index snapshot", "copy a gallery while it is in use", snapshot),
      command<RestoreOptions>("index restore", "bring a gallery back from a snapshot", restore)};
}

}  // namespace shoplens
