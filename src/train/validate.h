// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "eval/retrieval.h"
#include "losses/head.h"
#include "models/embedding_model.h"
#include "train/device_batches.h"
#include "train/photos.h"

namespace shoplens {

/// The embeddings of a list of photos.
struct Embeddings {
  std::vector<float> vectors;         // [n, dim]
  std::vector<std::int64_t> samples;  // [n], which photos; the unreadable ones are missing
};
using ReportErrors = std::function<void(const std::vector<SampleError>&)>;

/// What an embedding is asked for: to be compared, or to be scored by a head that may see lengths.
enum class Length { kOne, kRaw };

/// Embeds photos as eval sees them: the model in eval mode, no gradients. `hflip`: the mean of both
/// views. `stop` ends it, with what is there so far.
Embeddings embed_photos(EmbeddingModel& model, const Photos& photos, int size, bool hflip,
                        Length length, const Execution& execution, const LoaderOptions& loading,
                        const ReportErrors& report, const std::atomic<bool>& stop);

/// Retrieval of `queries` in `gallery`; the labels are of all photos, by sample.
RetrievalMetrics validate(const Embeddings& queries, const std::vector<std::int64_t>& query_labels,
                          const Embeddings& gallery,
                          const std::vector<std::int64_t>& gallery_labels, int dim, int threads);

/// Global average precision of the head's classes: each query, an embedding as the head saw them in
/// training (Length::kRaw), gets its likeliest class, as sure as the softmax of the head's unscaled
/// scores says.
double validate_classes(const Embeddings& queries, const std::vector<std::int64_t>& query_labels,
                        Head& head, torch::Device device);

}  // namespace shoplens
