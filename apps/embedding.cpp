// SPDX-License-Identifier: Apache-2.0
#include "apps/embedding.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/log.h"
#include "core/threads.h"
#include "data/csv.h"
#include "data/npy.h"

namespace shoplens {
namespace fs = std::filesystem;

namespace {

double to_weight(const std::string& word) {
  std::size_t used = 0;
  double weight = 0;
  try {
    weight = std::stod(word, &used);
  } catch (const std::exception&) {  // no number at all
  }
  check(used == word.size() && weight > 0 && std::isfinite(weight),
        "--model-weight: want a number above 0, got ", word);
  return weight;
}

std::unique_ptr<Pipeline> open(const PipelineSpec& spec, const NetworkOptions& options,
                               std::size_t photos, std::optional<Throughput> fixed = {}) {
  check(options.batch_size >= 0, "--batch-size: want at least 1, or 0 for the fastest, got ",
        options.batch_size);
  check(options.threads >= 0 && options.threads <= kMaxThreads, "--threads: want 0 to ",
        kMaxThreads, ", got ", options.threads);
  RuntimeOptions runtime;
  runtime.device = options.device;
  runtime.precision = options.precision;
  runtime.cache = true;
  runtime.threads = options.threads > 0 ? options.threads : available_cores();
  if (!fixed && options.batch_size > 0)
    fixed = {options.batch_size, streams_for(photos, options.batch_size, runtime.threads)};
  auto pipeline = open_for_photos(spec, runtime, photos, fixed);
  for (std::size_t i = 0; i < pipeline->spec().models.size(); ++i) {
    const Embedder& network = pipeline->network(i);
    log_info("model ", network.info().arch, ", ", network.info().dim, "-d, input ",
             network.info().preprocessing.size,
             network.info().preprocessing.decode == Decode::kDraft ? " of a draft, " : ", ",
             network.precision(), " on ", options.device, " (", pipeline->spec().models[i].path,
             ")");
  }
  log_info("batches of ", pipeline->batch_size(), ", ", pipeline->streams(), " side by side");
  return pipeline;
}

// Row i is that of row i of the .npy: path, label if the list has labels, then its other columns.
std::string rows_csv(const Manifest& manifest, const std::vector<std::int64_t>& photos) {
  const bool labelled = std::any_of(manifest.labels.begin(), manifest.labels.end(),
                                    [](const std::string& label) { return !label.empty(); });
  std::vector<std::string> fields{"path"};
  if (labelled) fields.emplace_back("label");
  for (const auto& column : manifest.columns) fields.push_back(column.name);
  std::string text = csv_line(fields);
  for (const std::int64_t photo : photos) {
    const auto row = static_cast<std::size_t>(photo);
    fields = {manifest.names[row]};
    if (labelled) fields.push_back(manifest.labels[row]);
    for (const auto& column : manifest.columns) fields.push_back(column.values[row]);
    text += csv_line(fields);
  }
  return text;
}

}  // namespace

DecideOptions VoteOptions::apply(DecideOptions own) const {
  check(k >= 0 && temperature >= 0,
        "--vote-k and --vote-temperature: want numbers of at least 0, got ", k, " and ",
        temperature);
  if (!vote.empty()) own.vote = vote_from_string(vote);
  if (k > 0) own.k = k;
  if (temperature > 0) own.temperature = temperature;
  return own;
}

std::unique_ptr<Pipeline> open_pipeline(const std::string& verb, const NetworkOptions& options,
                                        std::size_t photos,
                                        const std::optional<Throughput>& fixed) {
  check(!options.model.empty(), verb, ": want --model, a model.onnx");
  check(options.model_weight.empty() || options.model_weight.size() == options.model.size(), verb,
        ": want a --model-weight for each of ", options.model.size(), " models, got ",
        options.model_weight.size());
  PipelineSpec spec;
  for (const std::string& path : options.model) spec.models.push_back({path, ""});
  for (std::size_t i = 0; i < options.model_weight.size(); ++i)
    spec.models[i].weight = to_weight(options.model_weight[i]);
  if (!options.tta.empty()) spec.tta = tta_from_string(options.tta);
  return open(spec, options, photos, fixed);
}

std::unique_ptr<Pipeline> open_pipeline_file(const std::string& file, const NetworkOptions& options,
                                             std::size_t photos) {
  check(options.model.empty() && options.model_weight.empty(),
        "--pipeline: want no --model and no --model-weight beside it; they are in the file");
  PipelineSpec spec = pipeline_from_toml(read_file(file, 1 << 20), file);
  for (PipelineModel& model : spec.models)
    model.path = (fs::path(file).parent_path() / model.path).string();
  if (!options.tta.empty()) spec.tta = tta_from_string(options.tta);
  return open(spec, options, photos);
}

std::unique_ptr<Pipeline> open_gallery_pipeline(const Gallery& gallery,
                                                const NetworkOptions& options, std::size_t photos,
                                                const VoteOptions& vote) {
  PipelineSpec spec = located_pipeline_of(gallery, options.model);
  spec.decide = vote.apply(spec.decide);
  check(
      options.model_weight.empty(),
      "--model-weight: the gallery has its weights; `shoplens index pipeline --set` changes them (",
      gallery.path().string(), ")");
  if (!options.tta.empty()) spec.tta = tta_from_string(options.tta);
  auto pipeline = open(spec, options, photos);
  gallery.check_model(pipeline->fingerprint(), pipeline->spec().models[0].path);
  return pipeline;
}

void check_held_out(const std::string& verb, const Gallery& gallery, const Manifest& held_out) {
  const std::vector<std::string> there = gallery.existing(held_out.names);
  if (there.empty()) return;
  throw Error(ErrorCode::kBadInput,
              join(verb, ": want photos that are not in the gallery, ", there[0],
                   there.size() > 1 ? join(" and ", there.size() - 1, " more") : "", " is (",
                   gallery.path().string(), ")"),
              "a photo finds itself, and nothing learnt from that is true; give held-out photos");
}

PhotoEmbeddings embed_and_report(const Pipeline& pipeline, const std::vector<fs::path>& photos,
                                 const NetworkOptions& options) {
  EmbedPhotosOptions embedding;
  embedding.decode_threads = options.threads;
  PhotoEmbeddings result;
  {
    Progress progress("photos", static_cast<std::int64_t>(photos.size()));
    result = embed_photos(pipeline, photos, embedding,
                          [&](std::int64_t done) { progress.advance(done); });
  }
  for (const SampleError& failed : result.errors) log_warning(failed.error.what());
  if (!result.errors.empty())
    log_warning(result.errors.size(), " of ", photos.size(), " photos could not be read");
  return result;
}

fs::path write_embeddings(const fs::path& npy, const Manifest& manifest,
                          const std::vector<std::int64_t>& rows, std::span<const float> vectors,
                          int dim) {
  auto csv = fs::path(npy).replace_extension(".csv");
  write_npy(npy, vectors, dim);
  write_file(csv, rows_csv(manifest, rows));
  return csv;
}

Json errors_json(const std::vector<SampleError>& errors, const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const SampleError& failed : errors)
    list.push_back({{"path", names[static_cast<std::size_t>(failed.sample)]},
                    {"error", error_json(failed.error)}});
  return list;
}

}  // namespace shoplens
