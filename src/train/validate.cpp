// SPDX-License-Identifier: Apache-2.0
#include "train/validate.h"

#include <torch/nn/functional/normalization.h>

#include "data/sampler.h"
#include "eval/gap.h"
#include "train/autocast.h"

namespace shoplens {
namespace {

torch::Tensor unit(const torch::Tensor& x) {
  return torch::nn::functional::normalize(x.to(torch::kFloat),
                                          torch::nn::functional::NormalizeFuncOptions().dim(1));
}

std::vector<std::int64_t> labels_of(const Embeddings& set,
                                    const std::vector<std::int64_t>& labels) {
  std::vector<std::int64_t> picked;
  for (const std::int64_t sample : set.samples) picked.push_back(labels[sample]);
  return picked;
}

}  // namespace

Embeddings embed_photos(EmbeddingModel& model, const Photos& photos, int size, bool hflip,
                        Length length, const Execution& execution, const LoaderOptions& loading,
                        const ReportErrors& report, const std::atomic<bool>& stop) {
  const torch::NoGradGuard no_grad;
  const Autocast autocast(execution.device.type(), execution.bf16);
  model.eval();
  Embeddings all;
  const int views =
      hflip ? 2 : 1;  // a sample of the loader is one view of a photo, or both one after the other
  const std::size_t view_floats = photos.floats_per_sample();
  DeviceBatches batches(std::make_unique<Loader>(
                            sequential_order(photos.size()), views * view_floats,
                            [&](std::int64_t sample, float* out) {
                              photos.load_eval(sample, false, out);
                              if (hflip) photos.load_eval(sample, true, out + view_floats);
                            },
                            loading),
                        size, execution);
  while (auto item = batches.next()) {
    if (stop) break;
    const Batch& batch = item->batch;
    report(batch.errors);
    const auto n = static_cast<std::int64_t>(batch.samples.size());
    if (n == 0) continue;
    const auto sized = [&](const torch::Tensor& x) {
      return length == Length::kOne ? unit(x) : x.to(torch::kFloat);
    };
    torch::Tensor y = sized(model.forward(item->x));       // [N * views, D]
    if (hflip) y = sized(y.view({n, views, -1}).mean(1));  // [N, D]
    batches.copy_ahead();
    y = y.cpu().contiguous();
    all.vectors.insert(all.vectors.end(), y.const_data_ptr<float>(),
                       y.const_data_ptr<float>() + y.numel());
    all.samples.insert(all.samples.end(), batch.samples.begin(), batch.samples.end());
    batches.recycle(std::move(*item));
  }
  return all;
}

RetrievalMetrics validate(const Embeddings& queries, const std::vector<std::int64_t>& query_labels,
                          const Embeddings& gallery,
                          const std::vector<std::int64_t>& gallery_labels, int dim, int threads) {
  const auto of_queries = labels_of(queries, query_labels),
             of_gallery = labels_of(gallery, gallery_labels);
  return evaluate_retrieval({queries.vectors, of_queries}, {gallery.vectors, of_gallery}, dim,
                            threads);
}

double validate_classes(const Embeddings& queries, const std::vector<std::int64_t>& query_labels,
                        Head& head, torch::Device device) {
  const auto truth = labels_of(queries, query_labels);
  if (truth.empty()) return 0;
  const torch::NoGradGuard no_grad;
  const auto n = static_cast<std::int64_t>(truth.size());
  const torch::Tensor x =
      torch::from_blob(const_cast<float*>(queries.vectors.data()),  // only read
                       {n, static_cast<std::int64_t>(queries.vectors.size()) / n});
  head.eval();
  const torch::Tensor scores = head.logits(x.to(device)) / head.scale();  // [N, K]
  head.train();
  const auto [confidence, predicted] = scores.softmax(1).to(torch::kCPU, torch::kDouble).max(1);
  const auto* c = confidence.const_data_ptr<double>();
  const auto* p = predicted.const_data_ptr<std::int64_t>();
  return global_average_precision(truth, {p, p + n}, {c, c + n});
}

}  // namespace shoplens
