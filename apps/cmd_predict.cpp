// SPDX-License-Identifier: Apache-2.0
#include <iomanip>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "data/manifest.h"
#include "recognize/recognizer.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

struct PredictOptions {
  std::string gallery = "gallery.db";
  std::vector<std::string> photos;
  std::vector<std::string> only;
  int top = 5;
  VoteOptions vote;
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v.positional(photos, "photos", "photos, folders of photos, or CSVs with a path column");
    v(gallery, "gallery", "gallery.db made by `shoplens index build`");
    v(only, "only", "label to choose among; repeat it for several; none: all of the gallery's");
    v(top, "top", "nearest gallery photos to show");
    vote.visit(v);
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

struct PhotoList {
  std::vector<fs::path> paths;
  std::vector<std::string> names;
};

// A photo that is not there is answered with an error, as one that cannot be read; a list must be
// sound.
PhotoList list_photos(const std::vector<std::string>& words) {
  PhotoList list;
  for (const std::string& word : words) {
    if (!fs::is_directory(word) && fs::path(word).extension() != ".csv") {
      list.paths.emplace_back(word);
      list.names.push_back(word);
      continue;
    }
    const Manifest manifest = read_manifest(word, /*want_labels=*/false);
    list.paths.insert(list.paths.end(), manifest.paths.begin(), manifest.paths.end());
    for (const fs::path& path : manifest.paths) list.names.push_back(path.string());
  }
  return list;
}

Json to_json(const std::string& path, const Answer& answer) {
  Json neighbours = Json::array();
  for (const Neighbour& n : answer.neighbours)
    neighbours.push_back({{"id", n.id}, {"label", n.label}, {"path", n.path}, {"score", n.score}});
  Json json{{"path", path}, {"label", answer.label}, {"score", answer.score}};
  if (answer.probability) {
    json["probability"] = *answer.probability;
    json["unknown"] = answer.unknown;
  }
  json["neighbours"] = std::move(neighbours);
  return json;
}

void print_text(const std::string& path, const Answer& answer) {
  std::cout << std::fixed << std::setprecision(3) << path << ": "
            << (answer.unknown ? "unknown, perhaps " : "") << answer.label << "  " << answer.score;
  if (answer.probability) std::cout << "  (right with probability " << *answer.probability << ')';
  std::cout << '\n';
  for (const Neighbour& n : answer.neighbours)
    std::cout << "    " << n.score << "  " << n.label << "  " << n.path << '\n';
}

int predict(const PredictOptions& o) {
  check(!o.photos.empty(), "predict: want at least one photo, folder or CSV");
  const PhotoList list = list_photos(o.photos);
  const Gallery gallery(o.gallery);
  const auto pipeline = open_gallery_pipeline(gallery, o.network, list.paths.size(), o.vote);
  RecognizeOptions options;
  options.top = o.top;
  options.decide = pipeline->spec().decide;
  options.calibration = calibration_of(gallery, pipeline->spec());
  options.index_file = index_file_of(o.gallery);
  const Recognizer recognizer(gallery, *pipeline, options);
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, list.paths, o.network);
  const std::vector<Answer> answers =
      recognizer.answer(embedded.embeddings, embedded.class_probabilities, o.only);

  Json all = Json::array();  // in the order of the list, answers and errors
  auto failed = embedded.errors.begin();
  for (std::size_t photo = 0, row = 0; photo < list.paths.size(); ++photo) {
    if (failed != embedded.errors.end() && failed->sample == static_cast<std::int64_t>(photo)) {
      all.push_back({{"path", list.names[photo]}, {"error", error_json(failed->error)}});
      ++failed;
      continue;
    }
    if (o.json)
      all.push_back(to_json(list.names[photo], answers[row]));
    else
      print_text(list.names[photo], answers[row]);
    ++row;
  }
  if (o.json) print_json(all);
  return status_of(embedded);
}

}  // namespace

Command predict_command() {
  return command<PredictOptions>(
      "predict", "name the products in photos, with their nearest gallery photos", predict);
}

}  // namespace shoplens
