// SPDX-License-Identifier: Apache-2.0
#include "serve/catalogue.h"

#include <utility>

#include "core/log.h"
#include "gallery/gallery_file.h"
#include "serve/http.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

std::optional<std::string> answer_of(const Gallery& gallery, const std::string& key,
                                     const std::string& digest) {
  if (key.empty()) return std::nullopt;
  const auto before = gallery.done_request(key);
  if (!before) return std::nullopt;
  if (before->digest != digest) throw key_used();
  return before->answer;
}

std::string models_of(const Gallery& gallery) {
  std::string names;
  for (const PipelineModel& model : pipeline_of(gallery).models)
    names += (names.empty() ? "" : ", ") + fs::path(model.path).filename().string();
  return names;
}

// Of a change that is on disk: what goes wrong now must not read as if it were not.
void show_change(const std::function<void()>& show) {
  try {
    show();
  } catch (const std::exception& e) {
    log_warning("a change is on disk and cannot be shown yet: ", e.what());
    throw HttpError(503, "not_shown",
                    "change: want to answer from it, but it cannot be read again yet",
                    "it is on disk, do not send it again; the server's log says what it lacks");
  }
}

}  // namespace

Catalogue::Catalogue(fs::path gallery, OpenPipeline open, const BatcherOptions& batching, int top)
    : path_(std::move(gallery)),
      open_(std::move(open)),
      batching_(batching),
      top_(top),
      writer_(path_),
      file_(file_id(path_)) {
  publish(Networks{});
}

Catalogue::Reader::Reader(const Catalogue& catalogue) : catalogue_(catalogue) {
  {
    const std::lock_guard lock(catalogue.reading_);
    generation_ = catalogue.generation_;
    auto& idle = catalogue.idle_readers_;
    if (!idle.empty()) {
      gallery_ = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (gallery_) return;
  catalogue.check_file();
  gallery_ = std::make_unique<const Gallery>(catalogue.path_);
}

Catalogue::Reader::~Reader() {
  const std::lock_guard lock(catalogue_.reading_);
  if (generation_ == catalogue_.generation_)
    catalogue_.idle_readers_.push_back(std::move(gallery_));
}

std::shared_ptr<const Serving> Catalogue::now() const {
  const std::lock_guard lock(serving_lock_);
  return serving_;
}

std::string Catalogue::change(const std::string& key, const std::string& digest,
                              const std::function<std::string(Gallery&)>& change,
                              Deadline deadline) {
  const std::unique_lock lock(changing_, deadline);
  if (!lock) throw past_deadline();
  check_file();
  if (auto before = answer_of(writer_, key, digest)) return *std::move(before);
  check_deadline(deadline);
  std::string answer;
  bool alone = false;
  const GalleryChanges changes = writer_.transact([&] {
    alone = writer_.data_version() == data_version_;  // and stays so until it is committed
    answer = change(writer_);
    if (!key.empty()) writer_.keep_request(key, {digest, answer});
  });
  const bool nothing_else = alone && std::exchange(complete_, false);
  show_change([&] {
    if (!nothing_else || !publish(changes)) publish(networks_);
  });
  return answer;
}

// Of a file that is no longer there nobody would find a change again; and the log of the one that
// is open lies beside the other, which whoever opened it would take for its own.
void Catalogue::check_file() const {
  std::string found = "another";
  try {
    if (file_id(path_) == file_) return;
  } catch (const Error& e) {
    found = e.what();
  }
  throw Error(
      ErrorCode::kIo,
      join("gallery: want the file that is served, found ", found, " (", path_.string(), ")"),
      "end the server before another file is put in its place");
}

std::optional<std::string> Catalogue::answered(const std::string& key,
                                               const std::string& digest) const {
  return read([&](const Gallery& gallery) { return answer_of(gallery, key, digest); });
}

void Catalogue::keep_unknown(std::span<const UnknownPhoto> photos, std::int64_t most,
                             std::int64_t most_bytes) {
  // Hundreds a second would wear the disk, and be gone in a moment for others. So each takes a
  // time, and what is kept may be as far ahead of the clock as a few photos that come at once take.
  static constexpr std::chrono::milliseconds kEach{100}, kAhead{20 * kEach};
  {
    const std::lock_guard lock(unknown_lock_);
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    unknown_until_ = std::max(unknown_until_, now);
    const auto room = static_cast<std::size_t>((now + kAhead - unknown_until_) / kEach);
    photos = photos.first(std::min(photos.size(), room));
    unknown_until_ += kEach * photos.size();
  }
  if (photos.empty()) return;
  std::vector<std::pair<std::string, std::string>> kept;
  for (const UnknownPhoto& photo : photos) kept.emplace_back(photo.bytes, photo.answer);
  later_.submit([this, kept = std::move(kept), most, most_bytes] {
    try {
      const std::lock_guard lock(changing_);
      check_file();
      for (const auto& [bytes, answer] : kept)
        writer_.keep_unknown(bytes, answer, most, most_bytes);
    } catch (const std::exception& e) {
      log_warning("an unknown photo could not be kept: ", e.what());
    }
  });
}

void Catalogue::refresh(Deadline deadline) {
  const std::unique_lock lock(changing_, deadline);
  if (!lock) return;
  std::int64_t version = 0;
  try {
    check_file();
    version = writer_.data_version();
  } catch (const Error&) {
    readable_ = false;
    throw;
  }
  readable_ = true;
  if (!complete_ || version != data_version_) publish(networks_);
}

void Catalogue::reload() {
  const std::lock_guard lock(changing_);
  check_file();
  publish(Networks{});
}

void Catalogue::snapshot(const fs::path& out) const { snapshot_gallery(path_, out, true); }

void Catalogue::restore(const fs::path& from) {
  const std::lock_guard one(restoring_);
  const Networks there = [&] {
    const std::lock_guard lock(changing_);
    return networks_;
  }();
  Networks next;
  const auto try_out = [&](const Gallery& gallery) {
    try {
      next = networks_of(gallery, there);
    } catch (const Error& e) {
      if (e.code != ErrorCode::kNotFound && e.code != ErrorCode::kBadInput) throw;
      log_warning("restore: ", e.what());  // with the server's paths, which are not for the client
      throw HttpError(422, "no_model",
                      join("restore: want the snapshot's model ", models_of(gallery),
                           " on this server, found none or another of that name"),
                      "put it beside the server's gallery, then send the snapshot again");
    }
    serving_of(gallery, next);
  };
  restore_gallery(from, path_, /*force=*/false, try_out, [&](const std::function<void()>& put) {
    const std::lock_guard lock(changing_);
    check_file();
    put();
    show_change([&] { publish(next, /*anew=*/true); });
  });
}

// Those that are there, when they are the gallery's; else its own, opened.
Catalogue::Networks Catalogue::networks_of(const Gallery& gallery, const Networks& there) const {
  std::string text = gallery.model().fingerprint + gallery.note("pipeline");
  if (text == there.text) return there;
  auto pipeline = open_(gallery);
  try {
    pipeline->warm_up();
  } catch (const std::exception& e) {  // grey may be nothing to it, as photos need not be
    log_warning("the networks' first calls: ", e.what());
  }
  return {std::move(text), std::make_shared<Batcher>(std::move(pipeline), batching_)};
}

std::shared_ptr<Serving> Catalogue::serving_of(const Gallery& gallery,
                                               const Networks& networks) const {
  auto serving = std::make_shared<Serving>();
  serving->batcher = networks.batcher;
  const Pipeline& pipeline = serving->batcher->pipeline();
  serving->model = gallery.model();
  serving->calibration = calibration_of(gallery, pipeline.spec());
  if (gallery.size() > 0)
    serving->recognizer = std::make_unique<Recognizer>(
        gallery, pipeline,
        RecognizeOptions{top_, pipeline.spec().decide, serving->calibration, index_file_of(path_)});
  return serving;
}

// Makes what the gallery holds now the state that requests are answered from. `anew`: it is another
// gallery, of which connections know what is no longer true.
void Catalogue::publish(const Networks& there, bool anew) {
  complete_ = false;
  std::int64_t version = writer_.data_version();
  const Gallery gallery(path_);  // its model is read once, when it is opened
  Networks networks = networks_of(gallery, there);
  auto serving = serving_of(gallery, networks);
  bool complete = true;
  const auto before = now();
  if (anew || !before || before->model.fingerprint != serving->model.fingerprint) {
    Gallery writer(path_);
    const std::int64_t version_of_new = writer.data_version();
    complete = writer_.data_version() == version;  // nothing has come since it was read
    version = version_of_new;
    writer_ = std::move(writer);
    const std::lock_guard lock(reading_);
    idle_readers_.clear();
    ++generation_;
  }
  networks_ = std::move(networks);
  show(std::move(serving));
  data_version_ = version;
  complete_ = complete;
}

// The same from what is shown, when nothing but these changes is between the two; false when it
// has to be made anew.
bool Catalogue::publish(const GalleryChanges& changes) {
  const auto before = now();
  auto recognizer = before->recognizer ? before->recognizer->changed(changes) : nullptr;
  if (!recognizer) return false;
  auto serving = std::make_shared<Serving>();
  serving->batcher = before->batcher;
  serving->recognizer = std::move(recognizer);
  serving->model = before->model;
  serving->calibration = before->calibration;
  show(std::move(serving));
  complete_ = true;
  return true;
}

void Catalogue::show(std::shared_ptr<const Serving> serving) {
  const std::lock_guard lock(serving_lock_);
  serving_.swap(serving);  // what was shown is let go after the lock, which requests wait for
}

}  // namespace shoplens
