// SPDX-License-Identifier: Apache-2.0
#include "recognize/embed_photos.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "core/threads.h"

namespace shoplens {
namespace {

// Photos that are decoded ahead, beyond a batch for each stream: enough to ride out a large photo
// among small ones. More would only be memory, 0.6 MB a photo at 224.
constexpr int kPhotosAhead = 32;

// Puts batches that callers finish out of order back into the list's.
class InOrder {
 public:
  InOrder(const std::function<void(EmbeddedBatch&&)>& done, std::size_t window)
      : done_(done), window_(window) {}

  // Waits until the batch `number` is less than a window beyond those given out. False: give up.
  bool wait_for(std::size_t number) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return failed_ || number < next_ + window_; });
    return !failed_;
  }

  // One thread gives out, without the lock, what all of them bring: it may write to a disk.
  void add(std::size_t number, EmbeddedBatch&& batch) {
    std::unique_lock lock(mutex_);
    waiting_.emplace(number, std::move(batch));
    while (!failed_ && !giving_ && !waiting_.empty() && waiting_.begin()->first == next_) {
      giving_ = true;
      EmbeddedBatch first = std::move(waiting_.extract(waiting_.begin()).mapped());
      lock.unlock();
      done_(std::move(first));
      lock.lock();
      giving_ = false;
      ++next_;
      moved_.notify_all();
    }
  }

  void fail() {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    moved_.notify_all();
  }

 private:
  const std::function<void(EmbeddedBatch&&)>& done_;
  const std::size_t window_;
  std::mutex mutex_;
  std::condition_variable moved_;
  std::map<std::size_t, EmbeddedBatch> waiting_;
  std::size_t next_ = 0;
  bool giving_ = false, failed_ = false;
};

// What the callers share.
struct Work {
  const Pipeline& pipeline;
  Loader loader;
  InOrder order;
  std::mutex mutex{};  // of the loader, which has one consumer, and of `taken`
  std::size_t taken = 0;

  // Embeds batch after batch until there is none; run by each caller.
  void run() try {
    std::size_t number = 0;
    while (auto batch = next(number)) {
      if (!order.wait_for(number)) return;
      EmbeddedBatch embedded = embed(*batch);
      loader.recycle(std::move(*batch));
      order.add(number, std::move(embedded));
    }
  } catch (...) {
    order.fail();
    throw;
  }

  std::optional<Batch> next(std::size_t& number) {
    const std::lock_guard lock(mutex);
    number = taken++;
    return loader.next();
  }

  EmbeddedBatch embed(Batch& batch) const {
    const std::size_t n = batch.samples.size();
    EmbeddedBatch out;
    out.photos = std::move(batch.samples);
    out.errors = std::move(batch.errors);
    out.embeddings.resize(n * static_cast<std::size_t>(pipeline.dim()));
    out.class_probabilities.resize(n * pipeline.classes().size());
    pipeline.embed(batch.data.data(), static_cast<std::int64_t>(n), out.embeddings.data(),
                   out.class_probabilities.data());
    return out;
  }
};

LoaderOptions loader_options(int batch_size, int decode_threads, int callers) {
  LoaderOptions loader;
  loader.batch_size = batch_size;
  loader.threads = decode_threads > 0 ? decode_threads : available_cores();
  loader.prefetch = callers + std::max(2, kPhotosAhead / batch_size);
  return loader;
}

template <class T>
void append(std::vector<T>& all, const std::vector<T>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

EmbedTimes stream_embeddings(const Pipeline& pipeline, std::size_t photos,
                             const std::function<SourceImage(std::size_t)>& load,
                             const EmbedPhotosOptions& options,
                             const std::function<void(EmbeddedBatch&&)>& done) {
  check(options.batch_size >= 0, "embed: want a batch size of at least 1, got ",
        options.batch_size);
  const int batch_size = options.batch_size > 0 ? options.batch_size : pipeline.batch_size();
  const auto prepare = [&](std::int64_t photo, float* out) {
    SourceImage source = load(static_cast<std::size_t>(photo));
    pipeline.prepare(source, out);
  };
  const auto window = static_cast<std::size_t>(2 * pipeline.callers() + kPhotosAhead / batch_size);
  const auto start = std::chrono::steady_clock::now();
  Work work{pipeline,
            Loader(Sequence{photos}, pipeline.floats_per_photo(), prepare,
                   loader_options(batch_size, options.decode_threads, pipeline.callers())),
            InOrder(done, window)};
  parallel_for(pipeline.callers(), pipeline.callers(), [&](std::int64_t) { work.run(); });
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          work.loader.wait_seconds()};
}

PhotoEmbeddings embed_photos(const Pipeline& pipeline, std::size_t photos,
                             const std::function<SourceImage(std::size_t)>& load,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress) {
  PhotoEmbeddings all;
  all.dim = pipeline.dim();
  all.embeddings.reserve(photos * static_cast<std::size_t>(pipeline.dim()));
  static_cast<EmbedTimes&>(all) =
      stream_embeddings(pipeline, photos, load, options, [&](EmbeddedBatch&& batch) {
        append(all.photos, batch.photos);
        append(all.embeddings, batch.embeddings);
        append(all.class_probabilities, batch.class_probabilities);
        append(all.errors, batch.errors);
        if (progress)
          progress(static_cast<std::int64_t>(batch.photos.size() + batch.errors.size()));
      });
  return all;
}

PhotoEmbeddings embed_photos(const Pipeline& pipeline,
                             const std::vector<std::filesystem::path>& photos,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress) {
  const auto load = [&](std::size_t place) { return SourceImage::load(photos[place]); };
  return embed_photos(pipeline, photos.size(), load, options, progress);
}

}  // namespace shoplens
