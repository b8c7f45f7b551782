// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/files.h"
#include "data/csv.h"
#include "data/manifest.h"
#include "data/npy.h"

namespace shoplens {
namespace {

struct EmbedOptions {
  std::string data, out = "emb.npy";
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(data, "data", "photos: a CSV with a path column, a folder, or a photo");
    v(out, "out", "float32 .npy to write, a row a photo; beside it a .csv that says which photo");
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

// Row i is that of row i of the .npy: path, label if the list has labels, then its other columns.
std::string rows_csv(const Manifest& manifest, const std::vector<std::int64_t>& photos) {
  const bool labelled = std::any_of(manifest.labels.begin(), manifest.labels.end(),
                                    [](const std::string& label) { return !label.empty(); });
  std::vector<std::string> fields{"path"};
  if (labelled) fields.emplace_back("label");
  for (const auto& column : manifest.columns) fields.push_back(column.name);
  std::string text = csv_line(fields);
  for (const std::int64_t photo : photos) {
    const auto row = static_cast<std::size_t>(photo);
    fields = {manifest.names[row]};
    if (labelled) fields.push_back(manifest.labels[row]);
    for (const auto& column : manifest.columns) fields.push_back(column.values[row]);
    text += csv_line(fields);
  }
  return text;
}

int embed(const EmbedOptions& o) {
  check(!o.data.empty(), "embed: want --data, a CSV or a folder of photos");
  const std::filesystem::path out = o.out;
  check(out.extension() == ".npy", "embed: want --out to end in .npy, got ", o.out);
  const Manifest manifest = read_manifest(o.data, /*want_labels=*/false);
  const auto pipeline = open_pipeline("embed", o.network, manifest.size());
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  const auto csv = std::filesystem::path(out).replace_extension(".csv");
  write_npy(out, embedded.embeddings, embedded.dim);
  write_file(csv, rows_csv(manifest, embedded.photos));
  if (o.json)
    print_json({{"out", out.string()},
                {"csv", csv.string()},
                {"photos", embedded.photos.size()},
                {"dim", embedded.dim},
                {"model", pipeline->fingerprint()},
                {"seconds", embedded.seconds},
                {"wait_seconds", embedded.wait_seconds},
                {"errors", errors_json(embedded.errors, manifest.names)}});
  else
    std::cout << embedded.photos.size() << " embeddings of " << embedded.dim
              << " components: " << out.string() << ", their photos: " << csv.string() << '\n';
  return status_of(embedded);
}

}  // namespace

Command embed_command() {
  return command<EmbedOptions>("embed", "photos to embeddings: a .npy and a .csv", embed);
}

}  // namespace shoplens
