// SPDX-License-Identifier: Apache-2.0
#include "train/folds.h"

#include <iomanip>
#include <sstream>

#include "core/files.h"
#include "core/log.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

struct FoldResult {
  int fold;
  EpochSummary best;
};

std::string csv_of(const std::vector<FoldResult>& results) {
  std::ostringstream out;
  out << "fold,best_epoch,val_recall_at_1,val_recall_at_5,val_map,val_gap\n";
  for (const auto& [fold, best] : results) {
    out << fold << ',' << best.epoch;
    for (const double value : {best.recall_at_1, best.recall_at_5, best.map, best.gap}) {
      out << ',';
      if (value >= 0) out << value;
    }
    out << '\n';
  }
  return out.str();
}

// A line a fold, and the mean of each figure.
std::string table_of(const std::vector<FoldResult>& results) {
  const std::vector<std::pair<const char*, double EpochSummary::*>> figures{
      {"R@1", &EpochSummary::recall_at_1},
      {"R@5", &EpochSummary::recall_at_5},
      {"mAP", &EpochSummary::map},
      {"GAP", &EpochSummary::gap}};
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << "percent      epoch";
  for (const auto& [name, figure] : figures) out << std::setw(9) << name;
  const auto value = [&](double x) {
    x < 0 ? out << std::setw(9) << '-' : out << std::setw(9) << 100 * x;
  };
  for (const auto& [fold, best] : results) {
    out << "\nfold " << std::left << std::setw(8) << fold << std::right << std::setw(5)
        << best.epoch;
    for (const auto& [name, figure] : figures) value(best.*figure);
  }
  out << "\nmean              ";
  for (const auto& [name, figure] : figures) {
    double sum = 0;
    for (const auto& [fold, best] : results) sum += best.*figure;
    value(sum / static_cast<double>(results.size()));
  }
  return out.str();
}

}  // namespace

bool wants_all_folds(const TrainOptions& options) {
  return options.folds > 0 && options.fold == "all";
}

RunEnd train_folds(const TrainOptions& given, const std::atomic<bool>& interrupted) {
  const TrainOptions options = resolved(given);
  const fs::path out = options.out;
  check_options(options);
  check_every_fold(options);
  if (options.resume)
    RunFolder::open(out);  // throws when there is nothing to go on with
  else
    RunFolder::create_parent(out, options);
  std::vector<FoldResult> results;
  RunEnd end = RunEnd::kDone;
  for (int k = 0; k < options.folds; ++k) {
    TrainOptions fold = options;
    fold.fold = std::to_string(k);
    fold.out = (out / ("fold-" + fold.fold)).string();
    fold.resume = fs::exists(fs::path(fold.out) / "config.toml");
    log_info("fold ", k, " of ", options.folds);
    Trainer trainer(fold, interrupted);
    const RunEnd fold_end = trainer.run();
    if (fold_end == RunEnd::kInterrupted) return fold_end;
    if (fold_end == RunEnd::kStopEpoch) end = fold_end;
    if (const auto best = RunFolder::open(fold.out).best_epoch()) results.push_back({k, *best});
    write_file(out / "folds.csv", csv_of(results));
  }
  if (!results.empty()) log_info(out.string(), '\n', table_of(results));
  return end;
}

}  // namespace shoplens
