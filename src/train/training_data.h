// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "onnx/model_info.h"
#include "train/options.h"

namespace shoplens {

/// What a run trains on and validates with.
struct TrainingData {
  Manifest train, val;
  LabelSet labels;                       // of the training photos
  std::vector<std::int64_t> listed;      // photos of each in options.data, a fold held out too: [K]
  std::vector<std::int64_t> val_labels;  // by the same numbers; -1: not among them
  int teacher_dim = 0;
  std::vector<float> teacher;           // [train, teacher_dim], of length 1; 0: it has none
  std::string hash;                     // SHA-256 of the rows and the sizes of their files
  std::optional<HeldOutFold> held_out;  // with folds and no teacher
};

/// Reads the manifests that `options` names. With folds, the training photos are those outside
/// options.fold, which then must be a number; those inside are the validation photos unless there
/// is options.val. Throws kBadInput also when a product has no photo left to train on.
TrainingData read_training_data(const TrainOptions& options);

/// Throws as read_training_data does when one of options.folds leaves a product no photo to train
/// on: before the others have been trained for hours.
void check_every_fold(const TrainOptions& options);

/// Photos of each label: [K].
std::vector<std::int64_t> count_labels(const LabelSet& labels);

}  // namespace shoplens
