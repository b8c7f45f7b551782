// SPDX-License-Identifier: Apache-2.0
// How the service is, what it looks like, and its gallery as a whole; and the list of all routes.
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/log.h"
#include "serve/api.h"
#include "serve/assets.h"
#include "serve/job_json.h"
#include "serve/private_file.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// "/" is the page; each other file of web/ is there by its name.
Route route_to(const Asset& asset) {
  return {"GET", asset.name == "index.html" ? "/" : join('/', asset.name), Role::kNone,
          Route::Work::kInstant, [&asset](const HttpRequest&, const Arguments&) -> HttpResponse {
            return {200, asset.type, std::string(asset.content), {{"Cache-Control", "no-cache"}}};
          }};
}

}  // namespace

Api::Api(Catalogue& catalogue, Metrics& metrics, OpenModel open_model, const ApiOptions& options)
    : catalogue_(catalogue),
      metrics_(metrics),
      open_model_(std::move(open_model)),
      options_(options),
      decoder_(options.decode, 2 * 3 * options.decode.max_pixels),
      spool_(catalogue.path(), 2 * options.max_upload) {
  try {
    take_over_imports(/*make_folder=*/false);
  } catch (const std::exception& e) {
    log_warning("imports of before: ", e.what());
  }
}

std::vector<Route> Api::routes() {
  using enum Role;
  using enum Route::Work;
  const auto to = [this](HttpResponse (Api::*handler)(const R&, const A&)) {
    return [this, handler](const R& request, const A& arguments) {
      return (this->*handler)(request, arguments);
    };
  };
  const std::uint64_t photos = options_.max_body, large = options_.max_upload;
  std::vector<Route> routes{
      {"GET", "/healthz", kNone, kInstant, to(&Api::health)},
      {"GET", "/readyz", kNone, kInstant, to(&Api::ready)},
      {"GET", "/metrics", kRead, kLight, to(&Api::metrics)},
      {"GET", "/v1/status", kRead, kLight, to(&Api::status)},
      {"POST", "/v1/recognize", kRead, kNetwork, to(&Api::recognize), photos},
      {"POST", "/v1/explain", kRead, kNetwork, to(&Api::explain), photos},
      {"GET", "/v1/items", kRead, kLight, to(&Api::list_items)},
      {"POST", "/v1/items", kWrite, kChange, to(&Api::add_items), photos},
      {"GET", "/v1/items/{id}", kRead, kLight, to(&Api::get_item)},
      {"DELETE", "/v1/items/{id}", kWrite, kEdit, to(&Api::delete_item)},
      {"GET", "/v1/items/{id}/photo", kRead, kPicture, to(&Api::item_photo)},
      {"GET", "/v1/labels", kRead, kLight, to(&Api::list_labels)},
      {"PUT", "/v1/labels/{label}", kWrite, kEdit, to(&Api::rename_label)},
      {"DELETE", "/v1/labels/{label}", kWrite, kEdit, to(&Api::delete_label)},
      {"GET", "/v1/unknowns", kRead, kLight, to(&Api::list_unknowns)},
      {"POST", "/v1/unknowns/{id}", kWrite, kChange, to(&Api::name_unknown)},
      {"DELETE", "/v1/unknowns/{id}", kWrite, kEdit, to(&Api::delete_unknown)},
      {"GET", "/v1/unknowns/{id}/photo", kRead, kPicture, to(&Api::unknown_photo)},
      {"GET", "/v1/snapshot", kAdmin, kLarge, to(&Api::snapshot)},
      {"POST", "/v1/restore", kAdmin, kLarge, to(&Api::restore), options_.max_restore, true},
      {"POST", "/v1/imports", kWrite, kLarge, to(&Api::start_import), large},
      {"POST", "/v1/upgrades", kAdmin, kLarge, to(&Api::start_upgrade), large, true},
  };
  const auto end_import = [this](std::int64_t id) { return this->end_import(id); };
  const auto end_upgrade = [this](std::int64_t id) { return job_response(upgrades_.cancel(id)); };
  for (auto&& more : {job_routes("/v1/imports", kWrite, imports_, end_import),
                      job_routes("/v1/upgrades", kAdmin, upgrades_, end_upgrade)})
    routes.insert(routes.end(), more.begin(), more.end());
  for (const Asset& asset : assets()) routes.push_back(route_to(asset));
  return routes;
}

HttpResponse Api::health(const R&, const A&) {
  return {200, "application/json", R"({"status":"ok"})"};
}

HttpResponse Api::ready(const R&, const A&) {
  // It listens only once the networks are set up, so what is left to ask is the gallery.
  if (!catalogue_.is_readable())
    throw HttpError(503, "not_ready", "server: want to read its gallery, the disk says no",
                    "the server's log says why");
  return {200, "application/json", R"({"status":"ready"})"};
}

HttpResponse Api::status(const R&, const A&) {
  const auto serving = catalogue_.now();
  const auto [photos, unknown] = metrics_.answers();
  Json json{{"model", {{"fingerprint", serving->model.fingerprint}, {"arch", serving->model.arch}}},
            {"items", serving->items()},
            {"labels", serving->labels()},
            {"calibrated", serving->calibration.has_value()},
            {"unknowns", catalogue_.read([](const Gallery& g) { return g.unknown_count(); })},
            {"photos_answered", photos},
            {"photos_unknown", unknown},
            {"limits",
             {{"photos", options_.max_photos},
              {"photos_bytes", options_.max_body},
              {"upload_bytes", options_.max_upload}}}};
  return {200, "application/json", json.dump()};
}

HttpResponse Api::metrics(const R&, const A&) {
  const auto serving = catalogue_.now();
  return {200, "text/plain; version=0.0.4",
          metrics_.text({{"items", static_cast<double>(serving->items())},
                         {"labels", static_cast<double>(serving->labels())},
                         {"queue_photos", static_cast<double>(serving->batcher->waiting())}},
                        serving->score_deciles())};
}

HttpResponse Api::snapshot(const R&, const A&) {
  const auto file = std::make_shared<const PrivateFile>();
  catalogue_.snapshot(file->path());
  return {200,
          "application/vnd.sqlite3",
          "",
          {{"Content-Disposition", "attachment; filename=\"gallery.db\""}},
          file};
}

HttpResponse Api::restore(const R& request, const A&) {
  try {
    catalogue_.restore(request.file->path());
  } catch (const Error& e) {
    if (e.code == ErrorCode::kIo) throw;
    log_warning("restore: ", e.what());  // with the server's paths, which are not for the client
    throw HttpError(422, error_code_name(e.code),
                    "restore: want a sound gallery of this version, got something else",
                    "send what GET /v1/snapshot gave");
  }
  return {200, "application/json", R"({"status":"restored"})"};
}

}  // namespace shoplens
