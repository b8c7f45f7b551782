// SPDX-License-Identifier: Apache-2.0
#include "apps/embedding.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "core/threads.h"

namespace shoplens {
namespace fs = std::filesystem;

std::unique_ptr<Embedder> open_embedder(const fs::path& model, const NetworkOptions& options,
                                        std::size_t photos) {
  check(options.batch_size >= 1, "--batch-size: want at least 1, got ", options.batch_size);
  RuntimeOptions runtime;
  runtime.device = options.device;
  runtime.precision = options.precision;
  runtime.threads = options.threads > 0 ? options.threads : available_cores();
  // Streams on a core each do not wait for each other; more than there are batches would leave
  // cores without work.
  const std::size_t batches = (photos + static_cast<std::size_t>(options.batch_size) - 1) /
                              static_cast<std::size_t>(options.batch_size);
  runtime.streams = static_cast<int>(
      std::clamp<std::size_t>(batches, 1, static_cast<std::size_t>(runtime.threads)));
  auto embedder = std::make_unique<Embedder>(model, runtime);
  log_info("model ", embedder->info().arch, ", ", embedder->info().dim, "-d, input ",
           embedder->info().preprocessing.size, ", ", embedder->precision(), " on ", options.device,
           " (", model.string(), ")");
  return embedder;
}

std::unique_ptr<Embedder> open_gallery_embedder(const Gallery& gallery, const std::string& given,
                                                const NetworkOptions& options, std::size_t photos) {
  const fs::path model = given.empty() ? gallery.find_model() : fs::path(given);
  gallery.check_model(read_model_info(model).fingerprint, model);
  return open_embedder(model, options, photos);
}

PhotoEmbeddings embed_and_report(const Embedder& embedder, const std::vector<fs::path>& photos,
                                 const NetworkOptions& options) {
  EmbedPhotosOptions embedding;
  embedding.tta = tta_from_string(options.tta);
  embedding.batch_size = options.batch_size;
  embedding.decode_threads = options.threads;
  PhotoEmbeddings result;
  {
    Progress progress("photos", static_cast<std::int64_t>(photos.size()));
    result = embed_photos(embedder, photos, embedding,
                          [&](std::int64_t done) { progress.advance(done); });
  }
  for (const SampleError& failed : result.errors) log_warning(failed.error.what());
  if (!result.errors.empty())
    log_warning(result.errors.size(), " of ", photos.size(), " photos could not be read");
  return result;
}

Json errors_json(const std::vector<SampleError>& errors, const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const SampleError& failed : errors)
    list.push_back({{"path", names[static_cast<std::size_t>(failed.sample)]},
                    {"error", error_json(failed.error)}});
  return list;
}

}  // namespace shoplens
