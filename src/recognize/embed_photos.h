// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "data/loader.h"
#include "recognize/pipeline.h"

namespace shoplens {

struct EmbedPhotosOptions {
  int batch_size = 16;     // photos in one network call
  int decode_threads = 0;  // 0: the cores this process may use
};

/// Embeddings of those photos of a list that could be read, in its order.
struct PhotoEmbeddings {
  int dim = 0;
  std::vector<std::int64_t> photos;          // [n], places in the list
  std::vector<float> embeddings;             // [n, dim], each of length 1
  std::vector<float> class_probabilities{};  // [n, the pipeline's classes]
  std::vector<SampleError> errors;           // the others, by place
  double seconds = 0;                        // from the first photo read to the last embedding
  double wait_seconds = 0;  // how long the network had no photos while some were being decoded
};

/// Reads, decodes, resizes and embeds photos: the one way from many photos to embeddings, for
/// embed, index, predict, eval and the library. `load` is asked for the photo of each place, by
/// many threads at once, ahead while the network runs on as many batches at once as the pipeline
/// has streams; an Error that it throws fails that photo alone. `progress` gets the number of
/// photos done since its last call, on one thread at a time.
PhotoEmbeddings embed_photos(const Pipeline& pipeline, std::size_t photos,
                             const std::function<Image(std::size_t place)>& load,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress = {});

/// The same of files.
PhotoEmbeddings embed_photos(const Pipeline& pipeline,
                             const std::vector<std::filesystem::path>& photos,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress = {});

}  // namespace shoplens
