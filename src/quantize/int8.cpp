// SPDX-License-Identifier: Apache-2.0
#include "quantize/int8.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/files.h"
#include "core/log.h"
#include "core/threads.h"
#include "data/loader.h"
#include "eval/retrieval.h"
#include "image/source_image.h"
#include "quantize/value_range.h"
#include "recognize/embed_photos.h"
#include "runtime/activations.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr int kRangeBatch = 4;  // a large network's values are 200 MB a photo

// `count` places in 0..size-1, spread evenly: lists are often sorted by label.
std::vector<std::int64_t> spread(std::size_t size, int count) {
  const std::size_t n = std::min(size, static_cast<std::size_t>(std::max(count, 1)));
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < n; ++i) places.push_back(static_cast<std::int64_t>(i * size / n));
  return places;
}

double mean_cosine(std::span<const float> a, std::span<const float> b, int dim) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum / (static_cast<double>(a.size()) / dim);
}

// A file that is gone in the end.
struct Trial {
  fs::path path;
  ~Trial() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

// A network's embeddings of the two lists, and how the one finds the other.
struct Answers {
  PhotoEmbeddings catalogue, held_out;
  double recall = 0;
};

class Quantization {
 public:
  Quantization(const fs::path& model, const fs::path& out, const Manifest& catalogue,
               const Manifest& held_out, const Int8Options& options)
      : model_(model),
        catalogue_(catalogue),
        held_out_(held_out),
        options_(options),
        trial_{fs::path(out).replace_extension(".trial.onnx")} {
    std::tie(network_, info_) = read_network(model);
    layers_ = quantizable_layers(network_);
    check(!layers_.empty(), "quantize: want a network with layers, got none (", model.string(),
          ")");
  }

  Int8Result run(const fs::path& out) {
    find_ranges();
    const Answers exact = answers(model_);
    prepare_probes(exact);
    for (std::size_t in_float = fewest_in_float();;) {
      Int8Result result = judge(exact, in_float);
      if (passes(result)) {
        fs::rename(trial_.path, out);
        return result;
      }
      measure_harm();
      const std::size_t half = layers_.size() / 2;
      if (in_float == half) refuse(result);
      in_float = std::min(std::max<std::size_t>(2 * in_float, 4), half);
    }
  }

 private:
  // Shows the photos at `places` of the catalogue to `see`, prepared, batch after batch.
  void each_batch(const std::vector<std::int64_t>& places, int batch_size,
                  const std::function<void(const Batch&)>& see) const {
    const Preprocessing& p = info_.preprocessing;
    LoaderOptions loading;
    loading.batch_size = batch_size;
    loading.threads = available_cores();
    Loader loader(
        places, std::size_t{3} * p.size * p.size,
        [&](std::int64_t place, float* pixels) {
          SourceImage photo = SourceImage::load(catalogue_.paths[static_cast<std::size_t>(place)]);
          preprocess(photo.decoded(p), p, pixels);
        },
        loading);
    std::size_t seen = 0;
    while (std::optional<Batch> batch = loader.next()) {
      seen += batch->samples.size();
      if (!batch->samples.empty()) see(*batch);
      loader.recycle(*std::move(batch));
    }
    check(seen > 0, "quantize: want photos to measure on, none of ", places.size(),
          " could be read (", catalogue_.source.string(), ")");
  }

  void find_ranges() {
    std::vector<std::string> values;
    for (const Layer& layer : layers_)
      if (std::find(values.begin(), values.end(), layer.input) == values.end())
        values.push_back(layer.input);
    Activations activations(model_, values);
    std::vector<ValueRange> ranges(values.size());
    const auto places = spread(catalogue_.size(), options_.range_photos);
    Progress progress("photos measured", 2 * static_cast<std::int64_t>(places.size()));
    for (const bool first : {true, false})
      each_batch(places, kRangeBatch, [&](const Batch& batch) {
        const auto n = static_cast<std::int64_t>(batch.samples.size());
        activations.run(batch.data.data(), n, [&](std::size_t i, auto dims, auto data) {
          first ? ranges[i].see(dims, data) : ranges[i].count(data);
        });
        progress.advance(n);
      });
    for (std::size_t i = 0; i < values.size(); ++i) {
      plan_.activations[values[i]] = ranges[i].best_grid();
      plan_.means[values[i]] = ranges[i].means();
    }
    plan_.weight_bits = options_.weight_bits;
  }

  // bf16, which `auto` is where the processor has it, would round the float embeddings too.
  RuntimeOptions float32(int streams) const {
    RuntimeOptions runtime;
    runtime.precision = "f32";
    runtime.threads = options_.threads;
    runtime.streams = streams;
    return runtime;
  }

  Answers answers(const fs::path& model) const {
    const int streams = options_.threads > 0 ? options_.threads : available_cores();
    const Pipeline pipeline({.models = {{model.string(), ""}}}, float32(streams));
    EmbedPhotosOptions embedding;
    embedding.batch_size = options_.batch_size;
    Answers out{embed_photos(pipeline, catalogue_.paths, embedding),
                embed_photos(pipeline, held_out_.paths, embedding)};
    check(!out.catalogue.photos.empty() && !out.held_out.photos.empty(),
          "quantize: want photos to compare on both sides, none could be read (",
          held_out_.source.string(), ")");
    const auto labels = [&](const Manifest& manifest, const PhotoEmbeddings& of) {
      std::vector<std::string> all;
      for (const std::int64_t photo : of.photos)
        all.push_back(manifest.labels[static_cast<std::size_t>(photo)]);
      return all;
    };
    const LabelSet known = number_labels(labels(catalogue_, out.catalogue));
    const std::vector<std::int64_t> asked =
        places_among(labels(held_out_, out.held_out), known.names);
    out.recall = evaluate_retrieval({out.held_out.embeddings, asked},
                                    {out.catalogue.embeddings, known.of_row}, out.catalogue.dim,
                                    available_cores())
                     .recall_at_1;
    return out;
  }

  // Some of the catalogue's photos and what the float network makes of them, to try layers on.
  void prepare_probes(const Answers& exact) {
    std::vector<std::int64_t> places;
    for (const std::int64_t row : spread(exact.catalogue.photos.size(), options_.probe_photos)) {
      places.push_back(exact.catalogue.photos[static_cast<std::size_t>(row)]);
      const float* const vector = exact.catalogue.embeddings.data() + row * exact.catalogue.dim;
      probe_vectors_.insert(probe_vectors_.end(), vector, vector + exact.catalogue.dim);
    }
    each_batch(places, options_.batch_size, [&](const Batch& batch) {
      probe_pixels_.insert(probe_pixels_.end(), batch.data.begin(), batch.data.end());
    });
  }

  void write_trial(const std::set<std::string>& layers) {
    plan_.layers = layers;
    ModelInfo info = info_;
    info.weight_bits = plan_.weight_bits;
    write_file(trial_.path, serialize(quantize(network_, plan_), info));
  }

  // Of the probes, with these layers in 8 bits.
  double probe_cosine(const std::set<std::string>& layers) {
    write_trial(layers);
    const Embedder embedder(trial_.path, float32(1));
    const auto dim = static_cast<std::size_t>(info_.dim);
    const std::size_t photos = probe_vectors_.size() / dim, pixels = probe_pixels_.size() / photos;
    std::vector<float> vectors(probe_vectors_.size());
    for (std::size_t i = 0; i < photos; i += static_cast<std::size_t>(options_.batch_size)) {
      const std::size_t n = std::min(photos - i, static_cast<std::size_t>(options_.batch_size));
      embedder.embed(probe_pixels_.data() + i * pixels, static_cast<std::int64_t>(n),
                     vectors.data() + i * dim);
    }
    return mean_cosine(vectors, probe_vectors_, info_.dim);
  }

  void measure_harm() {
    if (!harm_.empty()) return;
    Progress progress("layers measured", static_cast<std::int64_t>(layers_.size()));
    for (const Layer& layer : layers_) {
      harm_.push_back({layer, 1 - probe_cosine({layer.name})});
      progress.advance(1);
    }
    std::stable_sort(harm_.begin(), harm_.end(),
                     [](const LayerHarm& a, const LayerHarm& b) { return a.harm > b.harm; });
  }

  // All layers but the `in_float` most harmful.
  std::set<std::string> but_for(std::size_t in_float) const {
    std::set<std::string> layers;
    for (const Layer& layer : layers_) layers.insert(layer.name);
    for (std::size_t i = 0; i < in_float; ++i) layers.erase(harm_[i].layer.name);
    return layers;
  }

  // How many layers must stay in float for the probes' cosine; a quarter when that is too few.
  std::size_t fewest_in_float() {
    if (probe_cosine(but_for(0)) >= options_.want_cosine) return 0;
    measure_harm();
    std::size_t too_few = 0, enough = (layers_.size() + 3) / 4;
    while (enough > too_few + 1) {
      const std::size_t middle = (too_few + enough) / 2;
      (probe_cosine(but_for(middle)) >= options_.want_cosine ? enough : too_few) = middle;
    }
    return enough;
  }

  Int8Result judge(const Answers& exact, std::size_t in_float) {
    write_trial(but_for(in_float));
    Int8Result result;
    result.info = read_model_info(trial_.path);
    result.layers = layers_.size();
    result.in_float.assign(harm_.begin(), harm_.begin() + static_cast<std::ptrdiff_t>(in_float));
    const Answers got = answers(trial_.path);
    result.queries = static_cast<std::int64_t>(got.held_out.photos.size());
    result.cosine =
        mean_cosine(got.held_out.embeddings, exact.held_out.embeddings, exact.held_out.dim);
    result.recall_float = exact.recall;
    result.recall = got.recall;
    return result;
  }

  bool passes(const Int8Result& result) const {
    return result.cosine >= options_.min_cosine &&
           result.recall >= result.recall_float - options_.max_recall_loss;
  }

  [[noreturn]] void refuse(const Int8Result& result) const {
    std::string worst;
    for (std::size_t i = result.in_float.size(); i < harm_.size() && i < result.in_float.size() + 5;
         ++i)
      worst += join(worst.empty() ? "" : ", ", describe(harm_[i].layer));
    throw Error(ErrorCode::kBadInput,
                join("quantize: want a mean cosine of at least ", options_.min_cosine,
                     " to the float embeddings and R@1 at most ", 100 * options_.max_recall_loss,
                     " points below ", 100 * result.recall_float, ", got ", result.cosine, " and ",
                     100 * result.recall, " with ", result.in_float.size(), " of ", layers_.size(),
                     " layers in float; of the others these harm most: ", worst, " (",
                     model_.string(), ")"),
                "serve the float model; or train it longer: embeddings that are told apart by "
                "little do not survive rounding");
  }

  fs::path model_;
  const Manifest &catalogue_, &held_out_;
  const Int8Options& options_;
  Trial trial_;
  Network network_;
  ModelInfo info_;
  std::vector<Layer> layers_;
  QuantizationPlan plan_;
  std::vector<LayerHarm> harm_;  // the most harmful first; empty until it is asked for
  std::vector<float> probe_pixels_, probe_vectors_;
};

}  // namespace

std::string describe(const Layer& layer) {
  return join(layer.name, " (", layer.inputs_per_group * layer.groups, " to ", layer.outputs,
              layer.groups > 1 ? " channels, by group)" : " channels)");
}

Int8Result quantize_model(const fs::path& model, const fs::path& out, const Manifest& catalogue,
                          const Manifest& held_out, const Int8Options& options) {
  return Quantization(model, out, catalogue, held_out, options).run(out);
}

}  // namespace shoplens
