// SPDX-License-Identifier: Apache-2.0
#include "recognize/pipeline.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "index/vector_index.h"

namespace shoplens {

Pipeline::Pipeline(PipelineSpec spec, const RuntimeOptions& runtime) : spec_(std::move(spec)) {
  check(!spec_.models.empty(), "pipeline: want at least one model, got none");
  const auto views = static_cast<std::size_t>(view_count(spec_.tta));
  for (PipelineModel& model : spec_.models) {
    const auto& network = networks_.emplace_back(std::make_unique<Embedder>(model.path, runtime));
    const ModelInfo& info = network->info();
    if (model.fingerprint.empty()) model.fingerprint = info.fingerprint;
    if (model.fingerprint != info.fingerprint)
      throw Error(
          ErrorCode::kBadInput,
          join("pipeline: want the model with the fingerprint ", model.fingerprint.substr(0, 12),
               ", got ", info.fingerprint.substr(0, 12), " (", model.path, ")"),
          "its vectors cannot be compared; give the model that the gallery was built with");
    dim_ += info.dim;
    const auto same = std::find_if(inputs_.begin(), inputs_.end(), [&](const Input& input) {
      return input.preprocessing == info.preprocessing;
    });
    input_of_.push_back(static_cast<std::size_t>(same - inputs_.begin()));
    if (same != inputs_.end()) continue;
    const auto size = static_cast<std::size_t>(info.preprocessing.size);
    inputs_.push_back({info.preprocessing, floats_per_photo_, views * 3 * size * size});
    floats_per_photo_ += inputs_.back().floats;
  }
  fingerprint_ = fingerprint_of(spec_);
}

std::string Pipeline::arch() const {
  std::string all;
  for (const auto& network : networks_) all += (all.empty() ? "" : "+") + network->info().arch;
  return all;
}

void Pipeline::prepare(const Image& image, float* out) const {
  for (const Input& input : inputs_)
    preprocess_views(image, input.preprocessing, spec_.tta, out + input.offset);
}

void Pipeline::embed(const float* prepared, std::int64_t n, float* out) const {
  int column = 0;
  for (std::size_t i = 0; i < networks_.size(); ++i) {
    embed_network(i, prepared, n, out, column);
    column += networks_[i]->info().dim;
  }
  if (networks_.size() > 1) l2_normalize({out, static_cast<std::size_t>(n * dim_)}, dim_);
}

void Pipeline::embed_network(std::size_t i, const float* prepared, std::int64_t n, float* out,
                             int column) const {
  const Input& input = inputs_[input_of_[i]];
  const Embedder& network = *networks_[i];
  const int dim = network.info().dim;
  const std::int64_t views = view_count(spec_.tta);
  // With one input size the photos' views already lie one behind the other.
  std::vector<float> gathered;
  if (inputs_.size() > 1) {
    gathered.resize(static_cast<std::size_t>(n) * input.floats);
    for (std::int64_t photo = 0; photo < n; ++photo)
      std::copy_n(prepared + static_cast<std::size_t>(photo) * floats_per_photo_ + input.offset,
                  input.floats,
                  gathered.begin() +
                      static_cast<std::ptrdiff_t>(static_cast<std::size_t>(photo) * input.floats));
  }
  std::vector<float> vectors(static_cast<std::size_t>(n * views * dim));
  network.embed(inputs_.size() > 1 ? gathered.data() : prepared, n * views, vectors.data());
  merge_views(vectors, dim, spec_.tta, vectors.data());
  const auto scale =
      static_cast<float>(networks_.size() > 1 ? std::sqrt(spec_.models[i].weight) : 1);
  for (std::int64_t photo = 0; photo < n; ++photo)
    for (int j = 0; j < dim; ++j)
      out[photo * dim_ + column + j] = scale * vectors[static_cast<std::size_t>(photo * dim + j)];
}

}  // namespace shoplens
