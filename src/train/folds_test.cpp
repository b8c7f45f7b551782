// SPDX-License-Identifier: Apache-2.0
#include "train/folds.h"

#include "train/colour_catalogue.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class FoldsTest : public ColourCatalogue {
 protected:
  void SetUp() override {
    ColourCatalogue::SetUp();
    options_.val.clear();
    options_.folds = 2;
    options_.epochs = 2;
  }
  RunEnd run_all(const TrainOptions& options, bool interrupt = false) {
    const std::atomic<bool> interrupted = interrupt;
    return train_folds(options, interrupted);
  }
};

TEST_F(FoldsTest, AnInterruptedRunGoesOnToTheBit) {
  EXPECT_EQ(run_all(in("whole")), RunEnd::kDone);
  TrainOptions part = in("parts");
  int stops = 0;
  for (part.resume = false; run_all(part, stops < 3) != RunEnd::kDone; part.resume = true)
    ASSERT_LT(++stops, 10);
  EXPECT_EQ(stops, 3);
  expect_equal_runs("whole/fold-0", "parts/fold-0");
  expect_equal_runs("whole/fold-1", "parts/fold-1");
  EXPECT_EQ(read_file(folder_ / "whole" / "folds.csv"), read_file(folder_ / "parts" / "folds.csv"));
}

TEST_F(FoldsTest, EachFoldHasItsRowInTheTable) {
  EXPECT_EQ(run_all(in("run")), RunEnd::kDone);
  const std::string table = read_file(folder_ / "run" / "folds.csv");
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 3);
  EXPECT_EQ(table.rfind("fold,best_epoch,val_recall_at_1,", 0), 0u);
  EXPECT_NE(table.find("\n0,"), std::string::npos);
  EXPECT_NE(table.find("\n1,"), std::string::npos);
}

// A kill between a fold's folders and its config.toml, which comes last.
TEST_F(FoldsTest, AFoldKilledAsItBeganBeginsAnew) {
  TrainOptions options = in("run");
  options.stop_epoch = 1;
  EXPECT_EQ(run_all(options), RunEnd::kStopEpoch);
  const fs::path fold = folder_ / "run" / "fold-1";
  fs::remove_all(fold);
  fs::create_directories(fold / "last");
  fs::create_directories(fold / "best");
  write_file(fold / "config.toml.tmp1-0", "# sho");
  options.resume = true;
  options.stop_epoch = 0;
  EXPECT_EQ(run_all(options), RunEnd::kDone);
  EXPECT_TRUE(fs::exists(fold / "best" / "model.safetensors"));
}

TEST_F(FoldsTest, ARunIsNeverOverwritten) {
  EXPECT_EQ(run_all(in("run")), RunEnd::kDone);
  EXPECT_THROW(run_all(in("run")), Error);
  TrainOptions none = in("none");
  none.resume = true;
  EXPECT_THROW(run_all(none), Error);
}

// Product 3 has one photo, which the split deals to fold 1; fold 0 alone could be trained.
TEST_F(FoldsTest, AFoldThatCannotBeTrainedIsToldBeforeAnyIs) {
  fs::remove(folder_ / "train" / "product-2" / "5.png");
  for (int i = 1; i < 6; ++i)
    fs::remove(folder_ / "train" / "product-3" / (std::to_string(i) + ".png"));
  std::string error;
  try {
    run_all(in("run"));
  } catch (const Error& e) {
    error = e.what();
  }
  EXPECT_NE(error.find("want photos of each of 4 products outside fold 1, only 3 have some"),
            std::string::npos)
      << error;
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

// The reference's recipe in small: its schedule, class weights, and validation by the head's
// classes.
TEST_F(FoldsTest, ValidatesByClassesWithoutAGallery) {
  options_.fold = "1";
  options_.sched = "lotte";
  options_.class_weights = "log";
  options_.val_metric = "gap";
  EXPECT_EQ(run(in("run")), RunEnd::kDone);
  const auto best = RunFolder::open(folder_ / "run").best_epoch();
  ASSERT_TRUE(best);
  EXPECT_GE(best->gap, 0);
  EXPECT_LE(best->gap, 1);
  EXPECT_EQ(best->recall_at_1, -1);
}

}  // namespace
}  // namespace shoplens
