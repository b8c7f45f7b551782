// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "data/manifest.h"

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

int embed(const EmbedOptions& o) {
  check(!o.data.empty(), "embed: want --data, a CSV or a folder of photos");
  const std::filesystem::path out = o.out;
  check(out.extension() == ".npy", "embed: want --out to end in .npy, got ", o.out);
  const Manifest manifest = read_manifest(o.data, /*want_labels=*/false);
  const auto pipeline = open_pipeline("embed", o.network, manifest.size());
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  const auto csv =
      write_embeddings(out, manifest, embedded.photos, embedded.embeddings, embedded.dim);
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
