// SPDX-License-Identifier: Apache-2.0
// Makes an 8-bit model.onnx of a float one: ranges from photos, layers that hurt kept in float, and
// a gate that refuses worse embeddings.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "onnx/model_info.h"
#include "onnx/quantize.h"

namespace shoplens {

struct Int8Options {
  int range_photos = 256;  // of the catalogue, spread evenly: what activations' ranges are from
  int probe_photos = 64;   // likewise: what layers' harm is measured on
  // Of an 8-bit embedding to the float one, mean over photos: what layers are kept in float for, a
  // quarter of them at most, and what is refused below.
  double want_cosine = 0.998, min_cosine = 0.99;
  double max_recall_loss = 0.005;  // of R@1, a fraction
  int weight_bits = 7;             // QuantizationPlan::weight_bits
  int batch_size = 16;
  int threads = 0;  // of the network; 0: the cores this process may use
};

/// What one layer does to the embedding.
struct LayerHarm {
  Layer layer;
  double harm = 0;  // 1 - mean cosine to the float embedding when this layer alone is 8-bit
};

/// "Conv_12 (32 to 64 channels)"
std::string describe(const Layer& layer);

struct Int8Result {
  ModelInfo info;
  std::size_t layers = 0;               // that could be 8-bit
  std::vector<LayerHarm> in_float;      // those that were kept, the most harmful first
  std::int64_t queries = 0;             // held-out photos
  double cosine = 0;                    // mean over them
  double recall_float = 0, recall = 0;  // R@1 of the held-out photos in the catalogue, fractions
};

/// Writes `model` with its layers in 8 bits to `out`. `catalogue` and `held_out` are labelled
/// photos, none in both. What is judged is the embedding and what it finds, with all that is not 8
/// bits in float32, so that no processor's bf16 changes the verdict. When all layers in 8 bits miss
/// `want_cosine`, the harm of each is measured alone, and as few of the most harmful as need be
/// stay in float. Throws kBadInput, naming those that harm most, when `min_cosine` or
/// `max_recall_loss` is missed even with half of the layers in float; nothing is written then.
Int8Result quantize_model(const std::filesystem::path& model, const std::filesystem::path& out,
                          const Manifest& catalogue, const Manifest& held_out,
                          const Int8Options& options);

}  // namespace shoplens
