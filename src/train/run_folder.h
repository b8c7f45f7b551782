// SPDX-License-Identifier: Apache-2.0
// A run folder holds all there is to know of one training: config.toml, log.txt, summary.csv,
// last/checkpoint.safetensors (all that resuming needs) and best/model.safetensors (the weights to
// export).
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "losses/head.h"
#include "nn/safetensors.h"
#include "onnx/model_info.h"
#include "train/options.h"

namespace shoplens {

/// Where a run stands; kept in the checkpoint's metadata.
struct RunState {
  std::int64_t epoch = 0;  // epochs finished
  std::int64_t batch = 0;  // batches done of the epoch under way
  std::int64_t step = 0;   // optimiser steps done, or passed over for want of photos
  std::int64_t best_epoch = 0;
  double best_score = -1;  // on the validation photos: R@1, or GAP
  double loss_sum = 0;     // over the batches done of the epoch under way
  std::string data_hash;   // of the photos it is trained on
};

/// A row of summary.csv.
struct EpochSummary {
  std::int64_t epoch;
  double train_loss, lr, images_per_second, wait_share, seconds;
  double recall_at_1 = -1, recall_at_5 = -1, map = -1, gap = -1;  // negative: not validated
};

/// Weights with what is needed to build their model: best/model.safetensors.
struct TrainedModel {
  ModelInfo info;  // without a fingerprint; with the classes when there are class scores
  std::string pool;
  NamedTensors tensors;
  std::optional<LinearScores> classes;  // of the head it was trained with
};

class RunFolder {
 public:
  /// A new folder. Throws kBadInput when `path` already holds something, but for what a run leaves
  /// that was killed in here.
  static RunFolder create(const std::filesystem::path& path, TrainOptions options,
                          const std::string& data_hash);
  /// A new folder for several runs, with their common options alone.
  static RunFolder create_parent(const std::filesystem::path& path, TrainOptions options);
  /// The folder of a run begun before. Throws kNotFound when it is none.
  static RunFolder open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  TrainOptions options() const;  // as config.toml has them
  /// The data_hash it was created with; nothing when the head of config.toml does not have it.
  std::optional<std::string> data_hash() const;

  void save_checkpoint(const RunState& state, const NamedTensors& tensors) const;
  /// Reads the state and copies the tensors into `tensors`, strictly.
  RunState load_checkpoint(const NamedTensors& tensors) const;
  bool has_checkpoint() const;

  void save_best(const TrainedModel& model, const RunState& state) const;
  TrainedModel load_best() const;

  /// The row of summary.csv of the epoch whose weights are kept as the best; nothing before there
  /// is one.
  std::optional<EpochSummary> best_epoch() const;

  /// Appends a row; rows of this or a later epoch, left by an interrupted attempt, go.
  void add_summary(const EpochSummary& row) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace shoplens
