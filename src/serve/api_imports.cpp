// SPDX-License-Identifier: Apache-2.0
// Many photos at once: kept as they came, and added in the background, whatever ends the server.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "core/log.h"
#include "serve/api.h"
#include "serve/job_json.h"
#include "serve/photo_work.h"
#include "serve/upload.h"

namespace shoplens {
namespace {

using Json = nlohmann::ordered_json;

// What the gallery keeps of an import is found by this and its id: no client's key has a space.
constexpr std::string_view kImportKey = "import ";
constexpr std::int64_t kImportsListed = 50;  // of those that ended before the server began
// Photos of an import that are kept together, by how often it was begun from where it is: after a
// start that did not get on fewer, until as many are kept as were too many, so that an import whose
// server is killed again and again gets on. A photo that itself ends the process, as by the memory
// it takes, would do so at each start.
constexpr std::size_t kImportBatch[] = {128, 8, 1};
constexpr std::int64_t kStarts = std::size(kImportBatch);

// How far an import is, is kept in the transaction that adds its photos: it goes on from there
// whatever ended the server, and from what the gallery then says when that was restored.
struct ImportState : JobState {
  std::int64_t starts = 0;  // since it got on
};

std::string import_key(std::int64_t id) { return join(kImportKey, id); }

// Of a `total` of 0 it is what the gallery says. Numbers that cannot be are none.
ImportState import_state(const Gallery& gallery, std::int64_t id, std::int64_t total) {
  const auto kept = gallery.done_request(import_key(id));
  const Json json = kept ? Json::parse(kept->answer, nullptr, /*allow_exceptions=*/false) : Json();
  ImportState state{job_of(json, id)};
  if (total > 0) state.total = total;
  if (state.done < 0 || state.done > state.total ||
      (state.phase == JobState::Phase::kDone && state.done != state.total)) {
    state = {};
    state.id = id;
    state.total = total;
  } else if (const auto starts = json.find("starts");
             starts != json.end() && starts->is_number_integer()) {
    state.starts = std::max<std::int64_t>(0, starts->get<std::int64_t>());
  }
  return state;
}

void keep_import(Gallery& gallery, const ImportState& state, const Asked& asked) {
  Json json = job_json(state);
  json["key"] = asked.key;
  if (state.starts != 0) json["starts"] = state.starts;
  gallery.keep_request(import_key(state.id), {asked.digest, dumped(json)}, 7,
                       /*for_good=*/!has_ended(state.phase));
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
      const bool done = job.unless_cancelled(piece);
      if (!said.empty()) job.update([](JobState& state) { state.message.clear(); });
      return done;
    } catch (const HttpError& e) {
      if (e.status != 503) throw;
      why = e.what();
    } catch (const Error& e) {
      if (e.code != ErrorCode::kIo) throw;
      why = e.what();
    }
    const std::int64_t id = job.state().id;
    if (std::exchange(said, why) != why) log_warning("job ", id, " waits for the gallery: ", why);
    job.update([&](JobState& state) {
      state.message = join("it waits for the gallery; the server's log says more at job ", id);
    });
    for (int i = 0; i < 10 && !job.cancelled(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void show(Jobs::Control& job, const JobState& state) {
  job.update([&](JobState& shown) {
    const JobState::Phase phase = shown.phase;
    shown = state;
    shown.phase = phase;
  });
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

// Of an import that no server will begin again; of any other that one will.
constexpr const char* kGivenUp = "given_up";
constexpr const char* kGoesOn = "; it goes on when the server starts again, DELETE ends it";

}  // namespace

// What was sent. The later ones refer to the earlier.
struct Api::Import {
  std::int64_t id;
  Asked asked;
  HttpRequest request{};
  std::vector<FormPart> form{};
  Upload upload{};
  std::vector<std::string> labels{};
};

HttpResponse Api::start_import(const R& request, const A&) {
  const auto form = form_of(request, options_.max_import);
  const Asked asked = asked_of(request, form);
  if (const auto before = imports_.asked_before(asked)) return job_response(before, 202);
  const auto total =
      static_cast<std::int64_t>(labels_of(read_upload(request, form, options_.max_import)).size());
  take_over_imports(/*make_folder=*/true);
  imports_.check_room();
  const std::int64_t id = imports_.new_id();
  spool_.keep({id, total, asked}, request);
  JobState job;
  try {
    job = imports_.start(total, import_work(id, asked), asked, id);
  } catch (...) {
    spool_.discard(id);
    throw;
  }
  if (job.id != id) spool_.discard(id);  // the same came twice at once
  return job_response(job, 202);
}

Jobs::Work Api::import_work(std::int64_t id, const Asked& asked) {
  return [this, id, asked](Jobs::Control& job) {
    try {
      import_photos({id, asked}, job);
    } catch (const HttpError& e) {
      if (e.code == kGivenUp) throw;
      throw HttpError(e.status, e.code, join(e.what(), kGoesOn));
    } catch (const std::exception& e) {
      log_warning("job ", id, ": ", e.what());
      throw HttpError(500, "internal", join("the server's log says why at job ", id, kGoesOn));
    }
    if (job.cancelled()) uncount_start(id, asked);
  };
}

// Its file goes once the gallery says that it has ended. Whatever else ends this, a bug too, leaves
// the file, and the next start goes on.
void Api::import_photos(Import import, Jobs::Control& job) {
  ImportState state;
  const auto look = [&] {
    state = catalogue_.read([&](const Gallery& gallery) {
      return import_state(gallery, import.id, job.state().total);
    });
  };
  if (!in_the_end(job, look)) return;
  if (has_ended(state.phase)) return give_up_import(import, job, "");
  if (state.starts >= kStarts)
    return give_up_import(import, job,
                          join("import: want to get on, it was begun ", kStarts,
                               " times from here and never did, as when it ends the server; send "
                               "fewer or smaller photos at a time"));
  const auto count = [&] {
    catalogue_.change("", "", [&](Gallery& gallery) {
      ImportState begun = import_state(gallery, import.id, state.total);
      if (has_ended(begun.phase)) return std::string();
      begun.phase = JobState::Phase::kRunning;
      begun.starts = state.starts + 1;
      keep_import(gallery, begun, import.asked);
      return std::string();
    });
  };
  if (!in_the_end(job, count)) return;
  try {
    if (!in_the_end(job, [&] { import.request = spool_.read(import.id); })) return;
    import.form = form_of(import.request, options_.max_import);
    import.upload = read_upload(import.request, import.form, options_.max_import);
    import.labels = labels_of(import.upload);
  } catch (const HttpError& e) {  // its photos are lost, or more than this server takes
    return give_up_import(import, job, e.what());
  }
  show(job, state);
  const auto total = static_cast<std::int64_t>(import.labels.size());
  std::size_t kept = 0;  // since state.starts is what it is
  while (state.done < total) {
    const auto done = import_batch(import, state.done, state.starts, job);
    if (!done) return;
    kept += static_cast<std::size_t>(*done - state.done);
    state.done = *done;
    if (state.starts > 0 && kept >= kImportBatch[state.starts - 1]) --state.starts, kept = 0;
  }
  spool_.discard(import.id);
}

// Adds photos from `begin` on, as many as `starts` says. Returns where to go on, nothing when the
// job is cancelled.
std::optional<std::int64_t> Api::import_batch(const Import& import, std::int64_t begin,
                                              std::int64_t starts, Jobs::Control& job) {
  const auto total = static_cast<std::int64_t>(import.labels.size());
  const auto first = static_cast<std::size_t>(begin);
  const auto batch =
      std::span<const Upload::Photo>(import.upload.photos)
          .subspan(first, std::min(kImportBatch[starts], import.labels.size() - first));
  const auto serving = catalogue_.now();
  const EmbeddedPhotos embedded = embed_in_parts(*serving->batcher, batch, decoder_, job);
  std::vector<NewPhoto> added;
  for (const std::size_t place : embedded.sound)
    added.push_back({import.labels[first + place], batch[place].bytes});
  if (!in_the_end(job, [&] { find_copies(catalogue_, *serving, embedded.embedded, added); }))
    return std::nullopt;
  ImportState next;
  const auto add = [&] {
    catalogue_.change("", "", [&](Gallery& gallery) {
      next = import_state(gallery, import.id, total);
      if (next.done != begin) return std::string();  // it is another gallery, or shown late
      const AddCounts counts =
          add_photos(gallery, serving->model.fingerprint, added, embedded.embedded.embeddings);
      for (const auto& [place, error] : embedded.errors)
        next.photo_failed(batch[place].name, error.what());
      next.done += static_cast<std::int64_t>(batch.size());
      next.added += counts.added;
      next.existing += counts.skipped;
      next.relabelled += counts.relabelled;
      next.phase = next.done == total ? JobState::Phase::kDone : JobState::Phase::kRunning;
      next.starts = starts;
      keep_import(gallery, next, import.asked);
      return std::string();
    });
    show(job, next);
    if (next.done == total) job.completed();
  };
  try {
    if (!in_the_end(job, add)) return std::nullopt;
  } catch (const HttpError& e) {
    if (e.code != "model_changed") throw;
    if (!in_the_end(job, [&] { catalogue_.refresh(); })) return std::nullopt;
    if (catalogue_.now()->model.fingerprint == serving->model.fingerprint) throw;
    return begin;  // the same photos by the new model
  }
  return next.done;
}

// Unless the gallery says how it ended, as when its file is gone for that.
void Api::give_up_import(const Import& import, Jobs::Control& job, const std::string& why) {
  ImportState last;
  const auto keep = [&] {
    catalogue_.change("", "", [&](Gallery& gallery) {
      last = import_state(gallery, import.id, job.state().total);
      if (has_ended(last.phase)) return std::string();
      last.phase = JobState::Phase::kFailed;
      last.message = why;
      keep_import(gallery, last, import.asked);
      return std::string();
    });
    show(job, last);
    if (last.phase == JobState::Phase::kDone) job.completed();
  };
  if (!in_the_end(job, keep)) return;
  spool_.discard(import.id);
  if (last.phase != JobState::Phase::kDone) throw HttpError(500, kGivenUp, last.message);
}

// That the server is ended in good order is no fault of the import's. It may have been deleted.
void Api::uncount_start(std::int64_t id, const Asked& asked) try {
  catalogue_.change("", "", [&](Gallery& gallery) {
    ImportState state = import_state(gallery, id, 0);
    if (has_ended(state.phase) || state.starts == 0) return std::string();
    --state.starts;
    keep_import(gallery, state, asked);
    return std::string();
  });
} catch (const std::exception& e) {
  log_warning("job ", id, ": ", e.what());
}

// Its file goes before what the gallery says of it: by itself that begins nothing.
HttpResponse Api::end_import(std::int64_t id) try {
  if (!imports_.find(id)) take_over_imports(/*make_folder=*/false);
  const auto listed = imports_.cancel(id);
  JobState last;
  last.id = id;
  last.phase = JobState::Phase::kCancelled;
  if (listed) last = *listed;
  // It may have photos that could not be shown yet.
  const bool kept = catalogue_.read([&](const Gallery& gallery) {
    if (!gallery.done_request(import_key(id))) return false;
    const ImportState state = import_state(gallery, id, last.total);
    if (has_ended(state.phase)) {
      last = state;
    } else {
      const JobState said = std::exchange(last, state);
      last.phase = said.phase;
      last.message = said.message;
    }
    return true;
  });
  if (!listed && !kept && !spool_.has(id)) absent("job");
  spool_.remove(id);
  if (kept) try {
      catalogue_.change("", "", [&](Gallery& gallery) {
        gallery.forget_request(import_key(id));
        return std::string();
      });
    } catch (const HttpError& e) {
      if (e.code != "not_shown") throw;  // there is nothing to show
    }
  return job_response(last);
} catch (const Error& e) {
  if (e.code != ErrorCode::kIo) throw;
  log_warning("job ", id, ": ", e.what());
  throw HttpError(503, "storage",
                  "import: want to forget it, the disk says no: it has stopped, and may go on when "
                  "the server starts again",
                  join("send DELETE again; the server's log says why at job ", id));
}

// Nothing when they are this server's already. Of servers on one gallery one does its imports.
void Api::take_over_imports(bool make_folder) {
  const std::lock_guard lock(taking_over_);
  if (imports_taken_ && spool_.is_ours()) return;
  imports_taken_ = false;
  const auto kept = catalogue_.read([](const Gallery& gallery) {
    return gallery.done_requests(std::string(kImportKey), kImportsListed);
  });
  // An import of another server's snapshot has no file here.
  const auto list = [&](bool ended) {
    for (const DoneRequest& request : kept) {
      const Json json = Json::parse(request.answer, nullptr, /*allow_exceptions=*/false);
      const auto id = json.is_object() ? json.value("id", Json()) : Json();
      if (!id.is_number_integer() || imports_.find(id.get<std::int64_t>())) continue;
      JobState state = job_of(json, id.get<std::int64_t>());
      if (state.id <= 0 || has_ended(state.phase) != ended) continue;
      if (!ended) {
        state.phase = JobState::Phase::kFailed;
        state.message =
            "import: want the photos that were sent, they are not here; send them again";
      }
      const auto key = json.value("key", Json());
      imports_.take_over(state, {},
                         {key.is_string() ? key.get<std::string>() : "", request.digest});
    }
  };
  list(/*ended=*/true);
  for (const ImportSpool::Import& import : spool_.take_over(make_folder)) {
    ImportState state = catalogue_.read(
        [&](const Gallery& gallery) { return import_state(gallery, import.id, import.total); });
    if (has_ended(state.phase)) {
      spool_.discard(import.id);
      continue;
    }
    if (imports_.find(import.id)) continue;
    state.phase = JobState::Phase::kWaiting;
    log_info("job ", import.id, ": goes on after ", state.done, " of ", state.total, " photos");
    imports_.take_over(state, import_work(import.id, import.asked), import.asked);
  }
  list(/*ended=*/false);
  imports_taken_ = true;
}

}  // namespace shoplens
