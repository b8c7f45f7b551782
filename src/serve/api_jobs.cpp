// SPDX-License-Identifier: Apache-2.0
// What takes longer than a request may: many photos at once, and another model.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/log.h"
#include "recognize/upgrade.h"
#include "serve/api.h"
#include "serve/photo_work.h"
#include "serve/private_file.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Photos of an import that are kept together.
constexpr std::size_t kImportBatch = 128;

Json job_json(const JobState& job) {
  Json failures = Json::array();
  for (const auto& [name, message] : job.failures)
    failures.push_back({{"name", name}, {"message", message}});
  return {{"id", job.id},
          {"state", to_string(job.phase)},
          {"message", job.message.empty() ? Json() : Json(job.message)},
          {"total", job.total},
          {"done", job.done},
          {"added", job.added},
          {"existing", job.existing},
          {"relabelled", job.relabelled},
          {"failed", job.failed},
          {"errors", std::move(failures)}};
}

HttpResponse job_response(const std::optional<JobState>& job, int status = 200) {
  if (!job) absent("job");
  return {status, "application/json",
          job_json(*job).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

// "fruit/apple/1.jpg" is of apple.
std::string folder_of(const std::string& name) {
  const std::size_t end = name.find_last_of('/');
  if (end == std::string::npos) return "";
  const std::size_t begin = name.find_last_of('/', end - 1);
  return end == 0 ? "" : name.substr(begin == std::string::npos ? 0 : begin + 1, end - begin - 1);
}

// As embed_upload, so few photos at a time that the network takes them all at once: a question
// that comes meanwhile waits for these alone.
EmbeddedPhotos embed_in_parts(Batcher& batcher, std::span<const Upload::Photo> photos,
                              PhotoDecoder& decoder, const Jobs::Control& job) {
  EmbeddedPhotos all;
  for (std::size_t begin = 0; begin < photos.size() && !job.cancelled();) {
    const std::size_t count = std::min(batcher.photos_at_once(), photos.size() - begin);
    const EmbeddedPhotos part = embed_upload(batcher, photos.subspan(begin, count), decoder,
                                             std::chrono::steady_clock::time_point::max());
    for (const std::size_t place : part.sound) all.sound.push_back(begin + place);
    for (const auto& [place, error] : part.errors) all.errors.emplace_back(begin + place, error);
    all.embedded.embeddings.insert(all.embedded.embeddings.end(), part.embedded.embeddings.begin(),
                                   part.embedded.embeddings.end());
    all.embedded.class_probabilities.insert(all.embedded.class_probabilities.end(),
                                            part.embedded.class_probabilities.begin(),
                                            part.embedded.class_probabilities.end());
    begin += count;
  }
  return all;
}

}  // namespace

std::vector<Route> Api::job_routes(const std::string& path, Role role, Jobs& jobs) {
  const auto id_of = [](const Arguments& arguments) {
    return whole_number("id", arguments[0], 1, INT64_MAX, 0);
  };
  return {{"GET", path, role, Route::Work::kLight,
           [&jobs](const R&, const A&) -> HttpResponse {
             Json list = Json::array();
             for (const JobState& job : jobs.list()) list.push_back(job_json(job));
             return {200, "application/json",
                     Json{{"jobs", std::move(list)}}.dump(
                         -1, ' ', false, nlohmann::json::error_handler_t::replace)};
           }},
          {"GET", path + "/{id}", role, Route::Work::kLight,
           [&jobs, id_of](const R&, const A& id) { return job_response(jobs.find(id_of(id))); }},
          {"DELETE", path + "/{id}", role, Route::Work::kEdit,
           [&jobs, id_of](const R&, const A& id) { return job_response(jobs.cancel(id_of(id))); }}};
}

HttpResponse Api::start_import(const R& request, const A&) {
  const auto form = form_of(request, options_.max_import);
  const Asked asked = asked_of(request, form);
  if (const auto before = imports_.asked_before(asked)) return job_response(before, 202);
  const Upload upload = read_upload(request, form, options_.max_import);
  std::uint64_t bytes = 0;
  for (const Upload::Photo& photo : upload.photos) bytes += photo.bytes.size() + photo.name.size();
  // They wait in memory, and give it back however their job ends.
  const std::shared_ptr<std::vector<NamedPhoto>> photos(
      new std::vector<NamedPhoto>, [this, bytes](const std::vector<NamedPhoto>* list) {
        delete list;
        import_bytes_ -= bytes;
      });
  if ((import_bytes_ += bytes) > 2 * options_.max_upload)
    throw busy(429, "overloaded",
               "imports: want room for these photos, those of others that wait have it", 5);
  const auto label = upload.fields.find("label");
  for (const Upload::Photo& photo : upload.photos) {
    const std::string own = label == upload.fields.end() ? folder_of(photo.name) : label->second;
    check_label(own, join("photo ", photos->size() + 1,
                          ": its label, the folder in its name or the field label"));
    photos->push_back({photo.name, own, std::string(photo.bytes)});
  }
  if (photos->empty())
    throw HttpError(400, "bad_request", "imports: want at least one photo, got none",
                    "send photos as multipart/form-data, their labels as folders in their names");
  const auto total = static_cast<std::int64_t>(photos->size());
  return job_response(
      imports_.start(
          total, [this, photos](Jobs::Control& job) { import_photos(*photos, job); }, asked),
      202);
}

void Api::import_photos(const std::vector<NamedPhoto>& photos, Jobs::Control& job) {
  for (std::size_t begin = 0; begin < photos.size() && !job.cancelled();) {
    const std::size_t end = std::min(photos.size(), begin + kImportBatch);
    std::vector<Upload::Photo> batch;
    for (std::size_t i = begin; i < end; ++i) batch.push_back({photos[i].name, photos[i].bytes});
    const auto serving = catalogue_.now();
    const EmbeddedPhotos embedded = embed_in_parts(*serving->batcher, batch, decoder_, job);
    std::vector<NewPhoto> added;
    for (const std::size_t place : embedded.sound)
      added.push_back({photos[begin + place].label, batch[place].bytes});
    find_copies(catalogue_, *serving, embedded.embedded, added);
    const auto add = [&] {
      AddCounts counts;
      catalogue_.change("", "", [&](Gallery& gallery) {
        counts =
            add_photos(gallery, serving->model.fingerprint, added, embedded.embedded.embeddings);
        return std::string();
      });
      for (const auto& [place, error] : embedded.errors)
        job.photo_failed(photos[begin + place].name, error.what());
      job.update([&](JobState& state) {
        state.done += static_cast<std::int64_t>(end - begin);
        state.added += counts.added;
        state.existing += counts.skipped;
        state.relabelled += counts.relabelled;
      });
    };
    try {
      if (!job.unless_cancelled(add)) return;
    } catch (const HttpError& e) {
      if (e.code != "model_changed") throw;
      catalogue_.refresh();
      if (catalogue_.now()->model.fingerprint == serving->model.fingerprint) throw;
      continue;  // the same photos by the new model
    }
    begin = end;
  }
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
