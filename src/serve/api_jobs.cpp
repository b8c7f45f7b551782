// SPDX-License-Identifier: Apache-2.0
// What takes longer than a request may: many photos at once, and another model.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <utility>

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
// What the gallery keeps of an import is found by this and its id: no client's key has a space.
constexpr const char* kImportKey = "import ";
constexpr std::int64_t kImportsListed = 50;  // of those that ended before the server began

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

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse job_response(const std::optional<JobState>& job, int status = 200) {
  if (!job) absent("job");
  return {status, "application/json", dumped(job_json(*job))};
}

// What job_json made; of anything else an import of that id that is yet to begin.
JobState job_of(const Json& json, std::int64_t id) {
  JobState job;
  try {
    using enum JobState::Phase;
    const auto state = json.at("state").get<std::string>();
    for (const JobState::Phase phase : {kWaiting, kRunning, kDone, kFailed, kCancelled})
      if (state == to_string(phase)) job.phase = phase;
    if (json.at("message").is_string()) job.message = json.at("message").get<std::string>();
    for (const auto& [name, value] : {std::pair{"id", &job.id},
                                      {"total", &job.total},
                                      {"done", &job.done},
                                      {"added", &job.added},
                                      {"existing", &job.existing},
                                      {"relabelled", &job.relabelled},
                                      {"failed", &job.failed}})
      *value = json.at(name).get<std::int64_t>();
    for (const Json& photo : json.at("errors"))
      job.failures.push_back(
          {photo.at("name").get<std::string>(), photo.at("message").get<std::string>()});
  } catch (const Json::exception&) {
    job = {};
    job.id = id;
  }
  return job;
}

// How far an import is, is kept in the transaction that adds its photos: it goes on from there
// whatever ended the server, and from what the gallery then says when that was restored.
std::string import_key(std::int64_t id) { return join(kImportKey, id); }

JobState import_state(const Gallery& gallery, std::int64_t id, std::int64_t total) {
  const auto kept = gallery.done_request(import_key(id));
  JobState state =
      job_of(kept ? Json::parse(kept->answer, nullptr, /*allow_exceptions=*/false) : Json(), id);
  state.total = std::max(state.total, total);
  return state;
}

void keep_import(Gallery& gallery, const JobState& state, const Asked& asked) {
  Json json = job_json(state);
  json["key"] = asked.key;
  gallery.keep_request(import_key(state.id), {asked.digest, dumped(json)});
}

// "fruit/apple/1.jpg" is of apple.
std::string folder_of(const std::string& name) {
  const std::size_t end = name.find_last_of('/');
  if (end == std::string::npos) return "";
  const std::size_t begin = name.find_last_of('/', end - 1);
  return end == 0 ? "" : name.substr(begin == std::string::npos ? 0 : begin + 1, end - begin - 1);
}

// Of an import's photos, at least one. Throws HttpError 400.
std::vector<std::string> labels_of(const Upload& upload) {
  const auto label = upload.fields.find("label");
  std::vector<std::string> labels;
  for (const Upload::Photo& photo : upload.photos) {
    labels.push_back(label == upload.fields.end() ? folder_of(photo.name) : label->second);
    check_label(labels.back(), join("photo ", labels.size(),
                                    ": its label, the folder in its name or the field label"));
  }
  if (labels.empty())
    throw HttpError(400, "bad_request", "imports: want at least one photo, got none",
                    "send photos as multipart/form-data, their labels as folders in their names");
  return labels;
}

// Does `piece` as unless_cancelled, and again until the disk lets it: what was accepted is not
// given up for that.
bool in_the_end(Jobs::Control& job, const std::function<void()>& piece) {
  for (std::string said;;) {
    std::string why;
    try {
      return job.unless_cancelled(piece);
    } catch (const HttpError& e) {
      if (e.status != 503) throw;
      why = e.what();
    } catch (const Error& e) {
      if (e.code != ErrorCode::kIo) throw;
      why = e.what();
    }
    const std::int64_t id = job.state().id;
    if (std::exchange(said, why) != why) log_warning("job ", id, " waits for the disk: ", why);
    job.update([&](JobState& state) {
      state.message = join("it waits for the server's disk; the log says more at job ", id);
    });
    for (int i = 0; i < 10 && !job.cancelled(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
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

std::vector<Route> Api::job_routes(const std::string& path, Role role, Jobs& jobs,
                                   const std::function<void(std::int64_t id)>& forget) {
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
           [&jobs, id_of, forget](const R&, const A& id) {
             const auto last = jobs.cancel(id_of(id));
             if (last && forget) forget(last->id);
             return job_response(last);
           }}};
}

HttpResponse Api::start_import(const R& request, const A&) {
  const auto form = form_of(request, options_.max_import);
  const Asked asked = asked_of(request, form);
  if (const auto before = imports_.asked_before(asked)) return job_response(before, 202);
  const auto total =
      static_cast<std::int64_t>(labels_of(read_upload(request, form, options_.max_import)).size());
  const std::int64_t id = imports_.new_id();
  spool_.keep({id, total, asked}, request);
  JobState job;
  try {
    job = imports_.start(total, import_work(id, asked), asked, id);
  } catch (...) {
    spool_.remove(id);
    throw;
  }
  if (job.id != id) spool_.remove(id);  // the same came twice at once
  return job_response(job, 202);
}

Jobs::Work Api::import_work(std::int64_t id, const Asked& asked) {
  return [this, id, asked](Jobs::Control& job) { import_photos(id, asked, job); };
}

// Its file goes once the gallery says that it has ended. Whatever else ends this, a bug too, leaves
// the file, and the next start goes on.
void Api::import_photos(std::int64_t id, const Asked& asked, Jobs::Control& job) {
  HttpRequest request;
  std::vector<FormPart> form;
  Upload upload;
  std::vector<std::string> labels;
  try {
    request = spool_.read(id);
    form = form_of(request, options_.max_import);
    upload = read_upload(request, form, options_.max_import);
    labels = labels_of(upload);
  } catch (const HttpError& e) {  // as it would be each time
    const auto keep = [&] {
      catalogue_.change("", "", [&](Gallery& gallery) {
        JobState failed = import_state(gallery, id, job.state().total);
        if (has_ended(failed.phase)) return std::string();  // another server did it to its end
        failed.phase = JobState::Phase::kFailed;
        failed.message = e.what();
        keep_import(gallery, failed, asked);
        return std::string();
      });
    };
    if (in_the_end(job, keep)) spool_.remove(id);
    throw;
  }
  const auto total = static_cast<std::int64_t>(labels.size());
  JobState state;
  const auto show = [&](JobState next) {
    state = std::move(next);
    job.update([&](JobState& shown) {
      const JobState::Phase phase = shown.phase;
      shown = state;
      shown.phase = phase;
    });
  };
  const auto look = [&] {
    show(catalogue_.read([&](const Gallery& gallery) { return import_state(gallery, id, total); }));
  };
  if (!in_the_end(job, look)) return;
  while (state.done < total) {
    const auto begin = static_cast<std::size_t>(state.done);
    const auto batch = std::span<const Upload::Photo>(upload.photos)
                           .subspan(begin, std::min(kImportBatch, labels.size() - begin));
    const auto serving = catalogue_.now();
    const EmbeddedPhotos embedded = embed_in_parts(*serving->batcher, batch, decoder_, job);
    std::vector<NewPhoto> added;
    for (const std::size_t place : embedded.sound)
      added.push_back({labels[begin + place], batch[place].bytes});
    find_copies(catalogue_, *serving, embedded.embedded, added);
    const auto add = [&] {
      JobState next;
      catalogue_.change("", "", [&](Gallery& gallery) {
        next = import_state(gallery, id, total);
        if (next.done != state.done) return std::string();  // it is another gallery, or shown late
        const AddCounts counts =
            add_photos(gallery, serving->model.fingerprint, added, embedded.embedded.embeddings);
        for (const auto& [place, error] : embedded.errors)
          next.photo_failed(batch[place].name, error.what());
        next.done += static_cast<std::int64_t>(batch.size());
        next.added += counts.added;
        next.existing += counts.skipped;
        next.relabelled += counts.relabelled;
        next.phase = next.done == total ? JobState::Phase::kDone : JobState::Phase::kRunning;
        keep_import(gallery, next, asked);
        return std::string();
      });
      show(std::move(next));
      if (state.done == total) job.completed();
    };
    try {
      if (!in_the_end(job, add)) return;
    } catch (const HttpError& e) {
      if (e.code != "model_changed") throw;
      if (!in_the_end(job, [&] { catalogue_.refresh(); })) return;
      if (catalogue_.now()->model.fingerprint == serving->model.fingerprint) throw;
      // the same photos by the new model
    }
  }
  spool_.remove(id);
}

void Api::forget_import(std::int64_t id) {
  spool_.remove(id);
  catalogue_.change("", "", [&](Gallery& gallery) {
    gallery.forget_request(import_key(id));
    return std::string();
  });
}

// An import of another server's snapshot has no file here.
void Api::take_over_imports() try {
  std::set<std::int64_t> to_do;
  for (const ImportSpool::Import& import : spool_.take_over()) {
    JobState state = catalogue_.read(
        [&](const Gallery& gallery) { return import_state(gallery, import.id, import.total); });
    if (has_ended(state.phase)) {
      spool_.remove(import.id);
      continue;
    }
    state.phase = JobState::Phase::kWaiting;
    to_do.insert(import.id);
    log_info("job ", import.id, ": goes on after ", state.done, " of ", state.total, " photos");
    imports_.take_over(state, import_work(import.id, import.asked), import.asked);
  }
  const auto kept = catalogue_.read(
      [](const Gallery& gallery) { return gallery.done_requests(kImportKey, kImportsListed); });
  for (const DoneRequest& request : kept) {
    const Json json = Json::parse(request.answer, nullptr, /*allow_exceptions=*/false);
    JobState state = job_of(json, 0);
    if (state.id == 0 || to_do.contains(state.id)) continue;
    if (!has_ended(state.phase)) {
      state.phase = JobState::Phase::kFailed;
      state.message = "import: want the photos that were sent, they are not here; send them again";
    }
    imports_.take_over(state, {}, {json.value("key", ""), request.digest});
  }
} catch (const std::exception& e) {
  log_warning("imports of before: ", e.what());
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
