// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/model_info.h"

namespace shoplens {

struct RuntimeOptions {
  std::string device = "CPU";      // an OpenVINO device
  std::string precision = "auto";  // "auto" (bf16 where the CPU has it, else f32), "f32", "bf16"
  int threads = 0;                 // of the network; 0: the cores this process may use
  int streams = 1;   // calls of embed() that run side by side, each on threads / streams threads:
                     // 1 answers one photo soonest, one a core gets most photos through
  bool raw = false;  // embeddings at the length that the network gives them
  bool classes = false;  // compute the scores of the training classes too
  bool cache = false;    // keep what the device compiled for the next start (core/cache_file.h)
};

/// The last feature map of a photo: values [channels, rows, columns].
struct FeatureMap {
  int channels = 0, rows = 0, columns = 0;
  std::vector<float> values;
};

/// True when a processor of these features (processor_features()) sums products with 8-bit weights
/// exactly. On others OpenVINO adds pairs of them by VPMADDUBSW, which saturates at 16 bits: there
/// 7 bits are exact, and 8 are not.
bool has_exact_byte_products(std::string_view features);

/// The release of OpenVINO that runs the networks.
std::string openvino_version();

/// A model.onnx ready to run, by OpenVINO. Thread-safe.
class Embedder {
 public:
  /// Throws Error that names the file when it is absent, damaged, not shoplens's, or cannot be run;
  /// kUnsupported also for weights of 8 bits where this processor would compute them wrongly.
  explicit Embedder(const std::filesystem::path& model, const RuntimeOptions& options = {});
  ~Embedder();
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  const ModelInfo& info() const;
  /// The precision it runs in: "f32" or "bf16".
  const std::string& precision() const;

  /// How many calls of embed() run side by side.
  int streams() const;
  /// How many callers keep them all busy: one more has its photos in the queue when another ends.
  /// A further one waits.
  int callers() const { return streams() + 1; }

  /// pixels [n, 3, size, size], as preprocess() writes them -> embeddings [n, dim], each of
  /// length 1 (but for RuntimeOptions::raw). In f32 a photo's embedding is within 1e-5 of the same
  /// whatever the others of its batch are. Throws kBadInput that names the model when an embedding
  /// is not finite or zero. With RuntimeOptions::classes also class_scores [n,
  /// info().classes.size()].
  void embed(const float* pixels, std::int64_t n, float* embeddings,
             float* class_scores = nullptr) const;

  /// What the network makes of one photo before it pools: pixels [3, size, size]. Computed only
  /// here, by a second copy of the network that the first call sets up; calls wait for each other.
  /// Throws kUnsupported for a model without the output "features".
  FeatureMap features(const float* pixels) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shoplens
