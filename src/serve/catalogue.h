// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/deadline_mutex.h"
#include "core/files.h"
#include "gallery/gallery.h"
#include "recognize/recognizer.h"
#include "serve/batcher.h"
#include "serve/worker_pool.h"

namespace shoplens {

/// What answers a request: one state of the gallery with the networks that made its vectors. A
/// request takes one and stays with it, whatever changes meanwhile.
struct Serving {
  std::shared_ptr<Batcher> batcher;
  std::unique_ptr<const Recognizer> recognizer;  // none for an empty gallery
  GalleryModel model;
  std::optional<Calibration> calibration;
  /// Of the calibration; empty without one.
  std::vector<double> score_deciles() const {
    return calibration ? calibration->score_deciles : std::vector<double>{};
  }
  std::int64_t items() const { return recognizer ? recognizer->items() : 0; }
  std::int64_t labels() const { return recognizer ? recognizer->labels() : 0; }
};

/// A gallery that is served and changed at once. Thread-safe.
class Catalogue {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  /// Sets up the networks of a gallery.
  using OpenPipeline = std::function<std::unique_ptr<Pipeline>(const Gallery&)>;

  Catalogue(std::filesystem::path gallery, OpenPipeline open, const BatcherOptions& batching,
            int top);

  std::shared_ptr<const Serving> now() const;
  const std::filesystem::path& path() const { return path_; }

  /// Does change() as one transaction, shows it to all later requests, and returns what it
  /// returned; by then it is on disk. Throws HttpError 504, and changes nothing, when it is not its
  /// turn by `deadline`. Takes the time of the change, not of the gallery, unless
  /// another process changed it too or the pipeline's ranking depends on the whole of it. With a
  /// `key` it is done once: a second call with it, also after a restart, returns the first one's
  /// answer, or throws HttpError 409 when `digest` is another. Throws HttpError 503 "not_shown"
  /// when it is on disk but cannot be shown yet, which refresh() tries again.
  std::string change(const std::string& key, const std::string& digest,
                     const std::function<std::string(Gallery&)>& change,
                     Deadline deadline = Deadline::max());

  /// The answer that change() gave for a key before, if it did; throws as change() does.
  std::optional<std::string> answered(const std::string& key, const std::string& digest) const;

  struct UnknownPhoto {
    std::string_view bytes;
    std::string answer;
  };
  /// Keeps photos of a request that were answered "unknown" (Gallery::keep_unknown); nobody waits
  /// for the disk. Of more than a few at once and then ten a second, and when the disk cannot
  /// follow, photos are left out.
  void keep_unknown(std::span<const UnknownPhoto> photos, std::int64_t most,
                    std::int64_t most_bytes);

  /// Whether the gallery was there and could be read when it was last looked at.
  bool is_readable() const { return readable_; }

  /// Reads from the gallery. Several do so at once, each on a connection of its own.
  template <class Read>
  auto read(const Read& read) const {
    const Reader reader(*this);
    return read(reader.gallery());
  }

  /// Takes in what another process changed, if any did; the networks too when they are others now.
  /// Throws what opening them throws, and serves on as before. Nothing when it is not its turn by
  /// `deadline`.
  void refresh(Deadline deadline = Deadline::max());
  /// The same, whether something changed or not.
  void reload();

  /// A consistent copy of the gallery; and taking one in its place, which is first checked, and
  /// served once without being shown, while the one there is served and changed as before. Throws
  /// HttpError 422 "no_model" when this machine lacks its networks; whatever is thrown, the gallery
  /// is as before.
  void snapshot(const std::filesystem::path& out) const;
  void restore(const std::filesystem::path& from);

 private:
  // A connection, as long as one reads; then it waits for the next.
  class Reader {
   public:
    explicit Reader(const Catalogue& catalogue);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    const Gallery& gallery() const { return *gallery_; }

   private:
    const Catalogue& catalogue_;
    std::unique_ptr<const Gallery> gallery_;
    std::int64_t generation_;
  };
  struct Networks {
    std::string text;  // of the pipeline that they are of
    std::shared_ptr<Batcher> batcher{};
  };
  void check_file() const;  // throws kIo when path() is no longer the file that is open
  Networks networks_of(const Gallery& gallery, const Networks& there) const;
  std::shared_ptr<Serving> serving_of(const Gallery& gallery, const Networks& networks) const;
  void publish(const Networks& there, bool anew = false);
  bool publish(const GalleryChanges& changes);
  void show(std::shared_ptr<const Serving> serving);

  std::filesystem::path path_;
  OpenPipeline open_;
  BatcherOptions batching_;
  int top_;

  std::mutex restoring_;    // before changing_
  DeadlineMutex changing_;  // of writer_ and of what publish() does
  Gallery writer_;
  const FileId file_;              // that is open
  Networks networks_;              // the Serving's
  std::int64_t data_version_ = 0;  // of what others changed, as far as it was looked at
  bool complete_ = false;          // the Serving has all of that and of what writer_ changed

  mutable std::mutex reading_;  // of the two below
  mutable std::vector<std::unique_ptr<const Gallery>> idle_readers_;
  std::int64_t generation_ = 0;  // of what connections know of it: those of before are closed

  mutable std::mutex serving_lock_;
  std::shared_ptr<const Serving> serving_;

  std::atomic<bool> readable_{true};
  std::mutex unknown_lock_;                              // of the next
  std::chrono::steady_clock::duration unknown_until_{};  // what was kept takes the time until then
  // Each job has a request's photos in memory. Last, so that its jobs end before what they use.
  WorkerPool later_{1, 8};
};

}  // namespace shoplens
