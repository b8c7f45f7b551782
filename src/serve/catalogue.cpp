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
  if (before->digest != digest)
    throw HttpError(409, "key_used",
                    "Idempotency-Key: want one for each request, this one was for another",
                    "send a new key with a new request");
  return before->answer;
}

}  // namespace

Catalogue::Catalogue(fs::path gallery, OpenPipeline open, const BatcherOptions& batching, int top)
    : path_(std::move(gallery)),
      open_(std::move(open)),
      batching_(batching),
      top_(top),
      writer_(path_),
      reader_(path_) {
  publish();
}

std::shared_ptr<const Serving> Catalogue::now() const {
  const std::lock_guard lock(serving_lock_);
  return serving_;
}

std::string Catalogue::change(const std::string& key, const std::string& digest,
                              const std::function<std::string(Gallery&)>& change) {
  const std::lock_guard lock(changing_);
  if (auto before = answer_of(writer_, key, digest)) return *std::move(before);
  std::string answer;
  bool alone = false;
  const GalleryChanges changes = writer_.transact([&] {
    alone = writer_.data_version() == data_version_;  // and stays so until it is committed
    answer = change(writer_);
    if (!key.empty()) writer_.keep_request(key, {digest, answer});
  });
  const bool nothing_else = alone && std::exchange(complete_, false);
  if (!nothing_else || !publish(changes)) publish();
  return answer;
}

std::optional<std::string> Catalogue::answered(const std::string& key,
                                               const std::string& digest) const {
  return read([&](const Gallery& gallery) { return answer_of(gallery, key, digest); });
}

void Catalogue::keep_unknown(std::string_view bytes, const std::string& answer, std::int64_t most) {
  // Hundreds a second would wear the disk, and be gone in a moment for others.
  static constexpr std::chrono::milliseconds kPause{100};
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto next = next_unknown_.load();
  if (now < next || !next_unknown_.compare_exchange_strong(next, now + kPause)) return;
  later_.submit([this, bytes = std::string(bytes), answer, most] {
    try {
      const std::lock_guard lock(changing_);
      writer_.keep_unknown(bytes, answer, most);
    } catch (const Error& e) {
      log_warning("an unknown photo could not be kept: ", e.what());
    }
  });
}

void Catalogue::refresh() {
  const std::lock_guard lock(changing_);
  if (writer_.data_version() != data_version_) publish();
}

void Catalogue::reload() {
  const std::lock_guard lock(changing_);
  pipeline_text_.clear();
  publish();
}

void Catalogue::snapshot(const fs::path& out) const { snapshot_gallery(path_, out, true); }

void Catalogue::restore(const fs::path& from) {
  const std::lock_guard lock(changing_);
  restore_gallery(from, path_, /*force=*/false);
  publish();
}

// Makes what the gallery holds now the state that requests are answered from.
void Catalogue::publish() {
  complete_ = false;
  data_version_ = writer_.data_version();
  const Gallery gallery(path_);  // its model is read once, when it is opened
  const auto before = now();
  const std::string text = gallery.model().fingerprint + gallery.note("pipeline");
  auto serving = std::make_shared<Serving>();
  if (before && text == pipeline_text_)
    serving->batcher = before->batcher;
  else
    serving->batcher = std::make_shared<Batcher>(open_(gallery), batching_);
  const Pipeline& pipeline = serving->batcher->pipeline();
  serving->model = gallery.model();
  serving->calibration = calibration_of(gallery, pipeline.spec());
  GalleryContent content = gallery.content();
  if (!content.items.empty())
    serving->recognizer = std::make_unique<Recognizer>(
        std::move(content), gallery.array("whitening"), pipeline,
        RecognizeOptions{top_, pipeline.spec().decide, serving->calibration, index_file_of(path_)},
        path_.string());
  pipeline_text_ = text;
  bool complete = true;
  if (!before || before->model.fingerprint != serving->model.fingerprint) {
    Gallery writer(path_);
    const std::int64_t version = writer.data_version();
    complete = writer_.data_version() == data_version_;  // nothing has come since content()
    data_version_ = version;
    writer_ = std::move(writer);
    const std::lock_guard lock(reading_);
    reader_ = Gallery(path_);
  }
  show(std::move(serving));
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
