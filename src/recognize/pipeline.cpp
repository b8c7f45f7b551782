// SPDX-License-Identifier: Apache-2.0
#include "recognize/pipeline.h"

#include <algorithm>
#include <climits>
#include <future>
#include <span>

#include "core/error.h"
#include "index/vector_index.h"

namespace shoplens {
namespace {

// Adds the means over the views of scores [n, views, classes] to sums [n, classes].
void add_scores(std::span<const float> scores, std::int64_t views, std::size_t classes,
                float* sums) {
  for (std::size_t row = 0; row < scores.size() / classes; ++row) {
    const auto x = scores.subspan(row * classes, classes);
    float* const sum = sums + row / static_cast<std::size_t>(views) * classes;
    for (std::size_t c = 0; c < classes; ++c) sum[c] += x[c] / static_cast<float>(views);
  }
}

}  // namespace

Pipeline::Pipeline(PipelineSpec spec, const RuntimeOptions& options) : spec_(std::move(spec)) {
  RuntimeOptions runtime = options;
  runtime.raw = spec_.norm == Norm::kJoint;
  runtime.classes = spec_.decide.vote == Vote::kClasses;
  check(!spec_.models.empty(), "pipeline: want at least one model, got none");
  for (PipelineModel& model : spec_.models) {
    const auto& network = networks_.emplace_back(std::make_unique<Embedder>(model.path, runtime));
    const ModelInfo& info = network->info();
    if (model.fingerprint.empty()) model.fingerprint = info.fingerprint;
    check_fingerprint(model, info.fingerprint);
    dim_ += info.dim;
  }
  lay_out_inputs();
  fingerprint_ = fingerprint_of(spec_);
  check_classes();
}

void Pipeline::lay_out_inputs() {
  const auto input_of = [&](const auto& network) {
    return std::find_if(inputs_.begin(), inputs_.end(), [&](const Input& input) {
      return input.preprocessing == network->info().preprocessing;
    });
  };
  const auto views = static_cast<std::size_t>(view_count(spec_.tta));
  for (const auto& network : networks_) {
    if (input_of(network) != inputs_.end()) continue;
    const Preprocessing& p = network->info().preprocessing;
    inputs_.push_back({p, 0, views * 3 * static_cast<std::size_t>(p.size) * p.size});
  }
  // Whole pictures, then drafts from the large to the small, some of which are whole too: so those
  // of one scale come one after the other.
  std::stable_sort(inputs_.begin(), inputs_.end(), [](const Input& a, const Input& b) {
    const auto largest_first = [](const Preprocessing& p) {
      return p.decode == Decode::kFull ? INT_MAX : p.size;
    };
    return largest_first(a.preprocessing) > largest_first(b.preprocessing);
  });
  for (Input& input : inputs_) {
    input.offset = floats_per_photo_;
    floats_per_photo_ += input.floats;
  }
  for (const auto& network : networks_)
    input_of_.push_back(static_cast<std::size_t>(input_of(network) - inputs_.begin()));
}

void Pipeline::check_classes() const {
  for (std::size_t i = 1; i < networks_.size() && !classes().empty(); ++i)
    if (networks_[i]->info().classes != classes())
      throw Error(ErrorCode::kBadInput,
                  join("pipeline: want networks trained on the same classes to vote by them, ",
                       spec_.models[i].path, " has others than ", spec_.models[0].path),
                  "use another vote, or networks trained on one list");
}

std::vector<Block> Pipeline::blocks() const {
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < networks_.size(); ++i)
    blocks.push_back({networks_[i]->info().dim, spec_.models[i].weight});
  return blocks;
}

const std::vector<std::string>& Pipeline::classes() const {
  static const std::vector<std::string> none;
  return spec_.decide.vote == Vote::kClasses ? networks_[0]->info().classes : none;
}

std::string Pipeline::arch() const {
  std::string all;
  for (const auto& network : networks_) all += (all.empty() ? "" : "+") + network->info().arch;
  return all;
}

void Pipeline::prepare(SourceImage& photo, float* out) const {
  for (const Input& input : inputs_)
    preprocess_views(photo.decoded(input.preprocessing), input.preprocessing, spec_.tta,
                     out + input.offset);
}

void Pipeline::embed(const float* prepared, std::int64_t n, float* out,
                     float* class_probabilities) const {
  const std::span<float> probabilities(class_probabilities,
                                       static_cast<std::size_t>(n) * classes().size());
  std::fill(probabilities.begin(), probabilities.end(), 0.0f);
  int column = 0;
  for (std::size_t i = 0; i < networks_.size(); ++i) {
    embed_network(i, prepared, n, out, column, class_probabilities);
    column += networks_[i]->info().dim;
  }
  for (std::size_t at = 0; at < probabilities.size(); at += classes().size())
    keep_likeliest(probabilities.subspan(at, classes().size()));
  if (networks_.size() > 1 || spec_.norm == Norm::kJoint)
    l2_normalize({out, static_cast<std::size_t>(n * dim_)}, dim_);
}

void Pipeline::warm_up() const {
  std::vector<std::future<void>> calls;
  for (int i = 0; i < callers(); ++i)
    calls.push_back(std::async(std::launch::async, [this] {
      const std::vector<float> prepared(floats_per_photo_, 0.5f);
      std::vector<float> out(static_cast<std::size_t>(dim_)), probabilities(classes().size());
      embed(prepared.data(), 1, out.data(), probabilities.data());
    }));
  for (auto& call : calls) call.get();
}

void Pipeline::embed_network(std::size_t i, const float* prepared, std::int64_t n, float* out,
                             int column, float* class_probabilities) const {
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
  std::vector<float> vectors(static_cast<std::size_t>(n * views * dim)),
      scores(static_cast<std::size_t>(n * views) * classes().size());
  network.embed(inputs_.size() > 1 ? gathered.data() : prepared, n * views, vectors.data(),
                scores.data());
  merge_views(vectors, dim, spec_.tta, vectors.data(), spec_.norm == Norm::kJoint);
  for (std::int64_t photo = 0; photo < n; ++photo)
    std::copy_n(vectors.begin() + photo * dim, dim, out + photo * dim_ + column);
  if (!scores.empty()) add_scores(scores, views, classes().size(), class_probabilities);
}

}  // namespace shoplens
