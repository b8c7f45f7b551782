// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "recognize/heat_map.h"
#include "serve/api.h"
#include "serve/photo_work.h"

namespace shoplens {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

Json neighbours_json(const std::vector<Neighbour>& neighbours, std::size_t top) {
  Json list = Json::array();
  for (const Neighbour& n : neighbours) {
    if (list.size() == top) break;
    const std::string photo = join("/v1/items/", n.id, "/photo");
    list.push_back({{"id", n.id},
                    {"label", n.label},
                    {"score", n.score},
                    {"photo", photo},
                    {"thumbnail", photo + "?side=160"}});
  }
  return list;
}

Json answer_json(const Answer& answer, std::size_t top) {
  Json json{{"label", answer.label}, {"score", answer.score}};
  json["probability"] = answer.probability ? Json(*answer.probability) : Json();
  json["unknown"] = answer.unknown;
  json["neighbours"] = neighbours_json(answer.neighbours, top);
  return json;
}

Json heat_json(const HeatMap& map) {
  Json heat = Json::array();
  for (const float h : map.heat) heat.push_back(std::round(h * 1000) / 1000.0);
  const Region& r = map.region;
  return {{"rows", map.rows},
          {"columns", map.columns},
          {"window", {r.left, r.top, r.right, r.bottom}},
          {"heat", std::move(heat)}};
}

// What goes wrong with the model is no fault of the photo, and names files of the server.
LookedAt look(const Embedder& network, const Image& photo) {
  try {
    return look_at(network, photo);
  } catch (const Error& e) {
    if (e.code == ErrorCode::kUnsupported && e.hint.find("export") != std::string::npos)
      throw HttpError(501, "no_feature_map",
                      "explain: want a model with feature maps, the gallery's has none",
                      "export it again and upgrade the gallery to it");
    log_warning("explain: ", e.what());
    throw HttpError(500, "internal", "explain: want to look at the feature maps, the model failed",
                    "the server's log says more");
  }
}

// Of an empty gallery nothing is known.
Json nothing_json() {
  return {{"label", nullptr},
          {"score", 0},
          {"probability", nullptr},
          {"unknown", true},
          {"neighbours", Json::array()}};
}

}  // namespace

HttpResponse Api::recognize(const R& request, const A&) {
  const auto begin = Clock::now();
  const auto deadline = deadline_of(request);
  check_deadline(deadline);
  const Upload upload =
      read_upload(request, form_of(request, options_.max_photos), options_.max_photos);
  if (upload.photos.empty())
    throw HttpError(400, "bad_request", "recognize: want at least one photo, got none",
                    "send it as the body, as multipart/form-data, or as base64 in JSON");
  const auto asked = upload.fields.find("top");
  const auto top = static_cast<std::size_t>(std::min<std::int64_t>(
      options_.top, whole_number("top", asked == upload.fields.end() ? "" : asked->second, 1,
                                 INT64_MAX, options_.top)));
  const auto serving = catalogue_.now();
  const auto read = Clock::now();
  const EmbeddedPhotos photos = embed_upload(*serving->batcher, upload.photos, decoder_, deadline);
  if (upload.photos.size() == 1 && !photos.errors.empty()) throw photos.errors[0].second;

  const auto searching = Clock::now();
  std::vector<Answer> answers;
  if (serving->recognizer && !photos.sound.empty())
    answers = serving->recognizer->answer(photos.embedded.embeddings,
                                          photos.embedded.class_probabilities);
  const double search_ms = milliseconds(Clock::now() - searching);

  Json results(upload.photos.size(), nullptr);
  for (std::size_t i = 0; i < photos.sound.size(); ++i)
    results[photos.sound[i]] = answers.empty() ? nothing_json() : answer_json(answers[i], top);
  for (const auto& [place, error] : photos.errors)
    results[place] = {
        {"error", {{"code", error.code}, {"message", error.what()}, {"hint", error.hint}}}};
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!upload.photos[i].name.empty()) results[i]["name"] = upload.photos[i].name;

  std::vector<Catalogue::UnknownPhoto> unknowns;
  for (std::size_t i = 0; i < photos.sound.size(); ++i) {
    const bool unknown = answers.empty() || answers[i].unknown;
    metrics_.answer(unknown,
                    answers.empty() ? std::nullopt : std::optional(answers[i].evidence.score),
                    serving->score_deciles());
    if (unknown && options_.keep_unknown > 0)
      unknowns.push_back({upload.photos[photos.sound[i]].bytes, dumped(results[photos.sound[i]])});
  }
  catalogue_.keep_unknown(unknowns, options_.keep_unknown, options_.keep_unknown_bytes);
  const std::vector<std::pair<const char*, double>> stages{
      {"wait", milliseconds(begin - request.received)},
      {"read", milliseconds(read - begin)},
      {"decode", photos.decode_ms},
      {"resize", photos.resize_ms},
      {"queue", photos.embedded.queue_ms},
      {"network", photos.embedded.network_ms},
      {"search", search_ms}};
  Json timing;
  for (const auto& [stage, ms] : stages) {
    metrics_.stage(stage, ms / 1000);
    timing[stage] = ms;
  }
  const Json body{{"model", serving->model.fingerprint},
                  {"results", std::move(results)},
                  {"timing_ms", std::move(timing)},
                  {"batch", photos.embedded.batch}};
  return {200, "application/json", dumped(body)};
}

HttpResponse Api::explain(const R& request, const A&) {
  const auto deadline = deadline_of(request);
  check_deadline(deadline);
  const Upload upload = read_upload(request, form_of(request, 1), 1);
  const auto id = upload.fields.find("item");
  if (upload.photos.empty() || id == upload.fields.end())
    throw HttpError(400, "bad_request", "explain: want a photo, and an item to compare it with",
                    "send the photo as the body to /v1/explain?item=ID");
  const std::string stored = photo_of_item(
      catalogue_, whole_number("item", id->second, 1, INT64_MAX, 0), decoder_.limits());
  const auto serving = catalogue_.now();
  try {
    const Embedder& network = heaviest_network(serving->batcher->pipeline());
    const auto looked_at = [&](std::string_view bytes) {
      LookedAt looked;
      check_deadline(deadline);
      decoder_.with_photo(bytes, deadline, [&](SourceImage& photo) {
        looked = look(network, photo.decoded(network.info().preprocessing));
      });
      return looked;
    };
    const LookedAt sent = looked_at(upload.photos[0].bytes);
    LookedAt kept;
    try {
      kept = looked_at(stored);
    } catch (const Error&) {
      throw HttpError(404, "photo_gone", "photo: want the item's photo, it cannot be read any more",
                      "add the photo again");
    }
    const auto [photo, item] = heat_of(sent, kept);
    check_deadline(deadline);
    return {200, "application/json",
            Json{{"photo", heat_json(photo)}, {"item", heat_json(item)}}.dump()};
  } catch (const Error& e) {
    throw photo_error(e);
  }
}

}  // namespace shoplens
