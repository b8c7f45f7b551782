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
  int batch_size = 0;      // photos in one network call; 0: what the pipeline was opened for
  int decode_threads = 0;  // 0: the cores this process may use
};

/// What became of consecutive photos of a list; `photos` and `errors` together are all of them.
struct EmbeddedBatch {
  std::vector<std::int64_t> photos;          // [n], places in the list, ascending
  std::vector<float> embeddings;             // [n, dim], each of length 1
  std::vector<float> class_probabilities{};  // [n, the pipeline's classes]
  std::vector<SampleError> errors;           // the others, ascending
};

struct EmbedTimes {
  double seconds = 0;       // from the first photo read to the last embedding
  double wait_seconds = 0;  // how long the network had no photos while some were being decoded
};

/// Reads, decodes, resizes and embeds photos: the one way from many photos to embeddings. `load` is
/// asked for the photo of each place from 0 to `photos` - 1, by many threads at once, ahead while
/// the network runs on as many batches at once as the pipeline has streams; an Error that it throws
/// fails that photo alone. `done` gets batch after batch in the list's order, on one thread at a
/// time; what it throws ends the work. Memory is bounded, however many photos there are: `load` is
/// never asked more than a few batches beyond what `done` has got.
///
/// Which photos share a network call depends on the batch size and the list alone, so two runs of
/// one pipeline give the same bits. Another batch size gives embeddings within 1e-5 (in f32).
EmbedTimes stream_embeddings(const Pipeline& pipeline, std::size_t photos,
                             const std::function<SourceImage(std::size_t place)>& load,
                             const EmbedPhotosOptions& options,
                             const std::function<void(EmbeddedBatch&&)>& done);

/// Embeddings of those photos of a list that could be read, in its order.
struct PhotoEmbeddings : EmbeddedBatch, EmbedTimes {
  int dim = 0;
};

/// The same for a list that memory holds. `progress` gets the number of photos done since its last
/// call, on one thread at a time.
PhotoEmbeddings embed_photos(const Pipeline& pipeline, std::size_t photos,
                             const std::function<SourceImage(std::size_t place)>& load,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress = {});

/// The same of files.
PhotoEmbeddings embed_photos(const Pipeline& pipeline,
                             const std::vector<std::filesystem::path>& photos,
                             const EmbedPhotosOptions& options,
                             const std::function<void(std::int64_t done)>& progress = {});

}  // namespace shoplens
