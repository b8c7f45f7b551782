// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>

#include "train/trainer.h"

namespace shoplens {

/// Trains options.folds runs one after the other, fold k in the run folder options.out / "fold-k";
/// with options.resume it goes on in the fold, and at the step, where it stopped. Writes
/// options.out / config.toml and, after each fold, folds.csv (fold, best_epoch, R@1, R@5, mAP, GAP
/// of that epoch, as in summary.csv), and logs it as a table in the end. Throws as Trainer and
/// RunFolder do, and before the first fold trains when a later one cannot be.
RunEnd train_folds(const TrainOptions& options, const std::atomic<bool>& interrupted);

/// True when `options` ask for every fold.
bool wants_all_folds(const TrainOptions& options);

}  // namespace shoplens
