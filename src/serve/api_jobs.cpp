// SPDX-License-Identifier: Apache-2.0
// What takes longer than a request may: its routes, and another model.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/files.h"
#include "core/log.h"
#include "recognize/upgrade.h"
#include "serve/api.h"
#include "serve/job_json.h"
#include "serve/photo_work.h"
#include "serve/private_file.h"

namespace shoplens {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<Route> Api::job_routes(const std::string& path, Role role, Jobs& jobs,
                                   const std::function<HttpResponse(std::int64_t id)>& end) {
  const auto id_of = [](const Arguments& arguments) {
    return whole_number("id", arguments[0], 1, INT64_MAX, 0);
  };
  return {{"GET", path, role, Route::Work::kLight,
           [&jobs](const R&, const A&) -> HttpResponse {
             Json list = Json::array();
             for (const JobState& job : jobs.list()) list.push_back(job_json(job));
             return {200, "application/json", dumped({{"jobs", std::move(list)}})};
           }},
          {"GET", path + "/{id}", role, Route::Work::kLight,
           [&jobs, id_of](const R&, const A& id) { return job_response(jobs.find(id_of(id))); }},
          {"DELETE", path + "/{id}", role, Route::Work::kEdit,
           [id_of, end](const R&, const A& id) { return end(id_of(id)); }}};
}

HttpResponse Api::start_upgrade(const R& request, const A&) {
  Asked asked{key_of(request), ""};
  std::string fingerprint;
  try {
    fingerprint = read_model_info(request.file->path()).fingerprint;
  } catch (const Error& e) {
    if (e.code == ErrorCode::kIo) throw;
    log_warning("upgrade: ", e.what());  // with the server's paths, which are not for the client
    throw HttpError(422, error_code_name(e.code),
                    "upgrade: want a sound model.onnx of shoplens, got something else",
                    "send what `shoplens export` wrote, as the body");
  }
  const bool drop = request.parameter("drop_unreadable") == "true";
  asked.digest = join(fingerprint, drop);
  if (const auto before = upgrades_.asked_before(asked)) return job_response(before, 202);
  if (fingerprint == catalogue_.now()->model.fingerprint)
    throw HttpError(409, "same_model",
                    "upgrade: want another model than the gallery's, got its own",
                    "nothing is to be done");
  return job_response(upgrades_.start(
                          catalogue_.now()->items(),
                          [this, sent = request.file, fingerprint, drop](Jobs::Control& job) {
                            upgrade(*sent, fingerprint, drop, job);
                          },
                          asked),
                      202);
}

void Api::upgrade(const PrivateFile& sent, const std::string& fingerprint, bool drop_unreadable,
                  Jobs::Control& job) {
  // Beside the gallery, where it is looked for. Of an upgrade that comes to nothing it goes again,
  // unless somebody needs it: a gallery that was restored meanwhile, or one of before.
  const fs::path model =
      catalogue_.path().parent_path() /
      join(catalogue_.path().stem().string(), '-', fingerprint.substr(0, 12), ".onnx");
  const auto remove_model = [&](const fs::path* path) {
    try {
      if (catalogue_.now()->model.fingerprint != fingerprint &&
          Gallery(catalogue_.path()).model().fingerprint != fingerprint)
        fs::remove(*path);
    } catch (const std::exception& e) {
      log_warning("upgrade: ", path->string(), " is left behind: ", e.what());
    }
  };
  const std::unique_ptr<const fs::path, decltype(remove_model)> unless_needed(
      fs::exists(model) ? nullptr : &model, remove_model);
  write_file(model, read_file(sent.path()));
  Gallery gallery(catalogue_.path());  // its own connection, beside those that answer
  const auto next = open_model_(model, pipeline_of(gallery).tta);
  UpgradeOptions options;
  options.drop_unreadable = drop_unreadable;
  // `index build` took larger photos than this server may take: they are in the gallery, and stay.
  const DecodeLimits& own = decoder_.limits();
  options.decode.max_bytes = std::max(options.decode.max_bytes, own.max_bytes);
  options.decode.max_pixels = std::max(options.decode.max_pixels, own.max_pixels);
  // As a change of this process: what another does is read again as a whole each time.
  options.write = [&](const std::function<void(Gallery&)>& write) {
    catalogue_.change("", "", [&](Gallery& served) {
      write(served);
      return std::string();
    });
  };
  options.last_step = [&](const std::function<void()>& make_switch) {
    job.unless_cancelled([&] {
      make_switch();
      if (gallery.model().fingerprint != fingerprint) return;  // an item was added just now
      job.completed();
      try {
        catalogue_.refresh();
      } catch (const std::exception& e) {
        log_warning("upgrade: the gallery has its new model, which cannot be opened: ", e.what());
        throw HttpError(503, "not_shown",
                        "upgrade: the gallery has its new model, but the server cannot open it "
                        "yet; the server's log says what it lacks");
      }
    });
  };
  const UpgradeResult result =
      upgrade_gallery(gallery, *next, options, [&](std::int64_t done, std::int64_t total) {
        job.update([&](JobState& state) {
          state.done = done;
          state.total = total;
        });
        return !job.cancelled();
      });
  for (const auto& [item, error] : result.unreadable)
    job.photo_failed(shown_path(item.path),
                     join("it cannot be read (", error_code_name(error.code), ")"));
  if (!result.switched && !job.cancelled())
    throw HttpError(409, "unreadable",
                    join("want every photo, ", result.unreadable.size(),
                         " cannot be read, so the gallery keeps its model; add them again or "
                         "remove them, and upgrade again, which goes on from here"));
}

}  // namespace shoplens
