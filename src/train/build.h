// SPDX-License-Identifier: Apache-2.0
// The parts of a training run that its options name.
#pragma once
#include <memory>

#include "losses/head.h"
#include "models/embedding_model.h"
#include "train/training_data.h"
#include "train/validate.h"

namespace shoplens {

/// The backbone's own at its training size, with what the options change.
Preprocessing build_preprocessing(const TrainOptions& options);

Execution build_execution(const TrainOptions& options);

/// A new model with random weights of options.seed, or the backbone's of options.weights (not to
/// resume), on the device and in the memory format of `execution`.
std::shared_ptr<EmbeddingModel> build_model(const TrainOptions& options,
                                            const Execution& execution);

/// A new head for embeddings [N, dim] of the products in `labels`. Its weights follow build_model's
/// in the stream of random numbers.
std::shared_ptr<Head> build_head(const TrainOptions& options, int dim, const LabelSet& labels,
                                 const Execution& execution);

/// `counts` [K]: photos of each class, in the whole list (TrainingData::listed).
LossOptions build_loss_options(const TrainOptions& options, const std::vector<std::int64_t>& counts,
                               const Execution& execution);

}  // namespace shoplens
