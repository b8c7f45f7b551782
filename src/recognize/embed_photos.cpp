// SPDX-License-Identifier: Apache-2.0
#include "recognize/embed_photos.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "core/threads.h"
#include "data/sampler.h"
#include "image/decode.h"

namespace shoplens {
namespace {

// What the streams share: batches come out of `loader`, embeddings go to their photo's row.
struct Work {
  const Pipeline& pipeline;
  const EmbedPhotosOptions& options;
  const std::function<void(std::int64_t)>& progress;
  Loader loader;
  // [photos, dim] and [photos, classes]; the rows of photos that failed are not filled.
  std::vector<float> rows, class_rows;
  std::vector<SampleError> errors;
  std::mutex next_mutex,
      finish_mutex;  // two, so that a stream that waits for photos does not keep another's result

  // Embeds batch after batch until there is none; run by each stream.
  void run() {
    std::vector<float> vectors, probabilities;
    for (std::optional<Batch> batch; (batch = next());) {
      embed(*batch, vectors, probabilities);
      finish(std::move(*batch));
    }
  }

  std::optional<Batch> next() {
    const std::lock_guard lock(next_mutex);
    return loader.next();
  }

  void embed(const Batch& batch, std::vector<float>& vectors, std::vector<float>& probabilities) {
    const std::size_t n = batch.samples.size();
    vectors.resize(n * static_cast<std::size_t>(pipeline.dim()));
    probabilities.resize(n * pipeline.classes().size());
    pipeline.embed(batch.data.data(), static_cast<std::int64_t>(n), vectors.data(),
                   probabilities.data());
    scatter(batch, vectors, rows);
    scatter(batch, probabilities, class_rows);
  }

  static void scatter(const Batch& batch, const std::vector<float>& from, std::vector<float>& to) {
    const auto width = static_cast<std::ptrdiff_t>(from.size() / batch.samples.size());
    for (std::size_t i = 0; i < batch.samples.size(); ++i)
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(i) * width, width,
                  to.begin() + batch.samples[i] * width);
  }

  void finish(Batch&& batch) {
    const std::lock_guard lock(finish_mutex);
    if (progress) progress(static_cast<std::int64_t>(batch.samples.size() + batch.errors.size()));
    errors.insert(errors.end(), batch.errors.begin(), batch.errors.end());
    loader.recycle(std::move(batch));
  }
};

LoaderOptions loader_options(const EmbedPhotosOptions& options, int streams) {
  LoaderOptions loader;
  loader.batch_size = options.batch_size;
  loader.threads = options.decode_threads > 0 ? options.decode_threads : available_cores();
  loader.prefetch = 2 + streams;  // a batch for each stream to take next, and two under way
  return loader;
}

// Keeps the rows of `photos`, ascending, of rows [any, width].
std::vector<float> keep_rows(std::vector<float> rows, const std::vector<std::int64_t>& photos,
                             std::size_t width) {
  const auto w = static_cast<std::ptrdiff_t>(width);
  for (std::size_t row = 0; row < photos.size(); ++row)
    if (const auto place = static_cast<std::ptrdiff_t>(row); photos[row] != place)
      std::copy_n(rows.begin() + photos[row] * w, w, rows.begin() + place * w);
  rows.resize(photos.size() * width);
  return rows;
}

PhotoEmbeddings collect(Work& work, std::size_t photos) {
  PhotoEmbeddings out;
  out.dim = work.pipeline.dim();
  out.wait_seconds = work.loader.wait_seconds();
  out.errors = std::move(work.errors);
  std::sort(out.errors.begin(), out.errors.end(),
            [](const SampleError& a, const SampleError& b) { return a.sample < b.sample; });
  auto failed = out.errors.begin();
  for (std::int64_t photo = 0; photo < static_cast<std::int64_t>(photos); ++photo)
    if (failed != out.errors.end() && failed->sample == photo)
      ++failed;
    else
      out.photos.push_back(photo);
  out.embeddings = keep_rows(std::move(work.rows), out.photos, static_cast<std::size_t>(out.dim));
  out.class_probabilities =
      keep_rows(std::move(work.class_rows), out.photos, work.pipeline.classes().size());
  return out;
}

}  // namespace

PhotoEmbeddings embed_photos(const Pipeline& pipeline, std::size_t photos,
                             const std::function<Image(std::size_t)>& load,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress) {
  check(options.batch_size >= 1, "embed: want a batch size of at least 1, got ",
        options.batch_size);
  const auto prepare = [&](std::int64_t photo, float* out) {
    pipeline.prepare(load(static_cast<std::size_t>(photo)), out);
  };
  Work work{pipeline,
            options,
            progress,
            Loader(sequential_order(static_cast<std::int64_t>(photos)), pipeline.floats_per_photo(),
                   prepare, loader_options(options, pipeline.streams())),
            std::vector<float>(photos * static_cast<std::size_t>(pipeline.dim())),
            std::vector<float>(photos * pipeline.classes().size()),
            {},
            {},
            {}};
  const auto start = std::chrono::steady_clock::now();
  parallel_for(pipeline.streams(), pipeline.streams(), [&](std::int64_t) { work.run(); });
  PhotoEmbeddings embedded = collect(work, photos);
  embedded.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return embedded;
}

PhotoEmbeddings embed_photos(const Pipeline& pipeline,
                             const std::vector<std::filesystem::path>& photos,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress) {
  const auto load = [&](std::size_t place) { return load_image(photos[place]); };
  return embed_photos(pipeline, photos.size(), load, options, progress);
}

}  // namespace shoplens
