// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "losses/head.h"
#include "train/optimizer.h"
#include "train/run_folder.h"
#include "train/schedule.h"
#include "train/step_graph.h"
#include "train/training_data.h"
#include "train/validate.h"
#include "train/weight_average.h"

namespace shoplens {

enum class RunEnd { kDone, kStopEpoch, kInterrupted };

/// One training run: a catalogue of photos into a run folder.
class Trainer {
 public:
  /// Reads the manifests and builds or, with options.resume, restores everything.
  /// `interrupted`: set it (from a signal handler, say) and run() saves and returns at its next
  /// step.
  Trainer(const TrainOptions& options, const std::atomic<bool>& interrupted);

  /// Trains to the end, to options.stop_epoch, or until interrupted; what is left to do can be
  /// resumed exactly (on a GPU up to the order of sums). Throws when more than 5% of the photos
  /// cannot be read, or the loss is no longer finite.
  RunEnd run();

  /// One forward pass: pixels [N, 3, S, S] as the loader made them, labels [N], loss, and the
  /// backbone's rate of the optimiser step it belongs to.
  struct Pass {
    std::span<const float> pixels;
    const std::vector<std::int64_t>& labels;
    double loss, lr;
  };
  /// Called after each pass, forwards and backwards, to compare with another framework or to plot.
  std::function<void(const Pass&)> on_pass;

  /// All that a checkpoint holds: model.*, head.*, optimizer.*, average.* and average_head.*, rng.
  /// The tensors are the run's own.
  NamedTensors tensors();

 private:
  void resume();
  void save_checkpoint();

  bool train_epoch();  // false: interrupted, and saved
  // `batches`: what the item is of
  void train_batch(const DeviceBatches::Item& item, std::int64_t group_size,
                   DeviceBatches& batches);
  void update();
  std::vector<std::int64_t> epoch_order(std::int64_t epoch) const;
  DeviceBatches train_batches(std::vector<std::int64_t> order);
  double learning_rate(std::int64_t step) const;
  // Forward and backward; x as DeviceBatches gives it.
  torch::Tensor pass(const torch::Tensor& x, const torch::Tensor& labels,
                     const std::vector<std::int64_t>& samples, std::int64_t group_size);
  torch::Tensor loss_of(const torch::Tensor& embeddings, const torch::Tensor& labels,
                        const std::vector<std::int64_t>& samples, double share);
  int averaged_epochs() const;  // by SWA, so far
  // -> the score that best is by; none: interrupted
  std::optional<double> validate_epoch(EpochSummary& row, std::ostream& line);
  // false: interrupted while it validated, the checkpoint is of before
  bool finish_epoch(double seconds, double wait_seconds, std::int64_t photos);
  void keep_best(double score);
  void report_unreadable(const Photos& photos, const std::vector<SampleError>& errors);

  TrainOptions options_;
  const std::atomic<bool>& interrupted_;
  TrainingData data_;
  Preprocessing preprocessing_;
  Execution execution_;
  LoaderOptions loading_;
  std::unique_ptr<Photos> photos_, val_photos_;
  std::shared_ptr<EmbeddingModel> model_;
  std::shared_ptr<Head> head_;
  LossOptions loss_options_;
  torch::Tensor teacher_;  // [photos, dim], or undefined
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<WeightAverage> average_;  // EMA or SWA, of the model and its head
  std::optional<StepGraph> graph_;
  CosineSchedule schedule_;
  std::int64_t batches_per_epoch_ = 0, steps_per_epoch_ = 0;
  std::set<std::filesystem::path> unreadable_;
  std::optional<RunFolder> folder_;
  RunState state_;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace shoplens
