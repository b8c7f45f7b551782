// SPDX-License-Identifier: Apache-2.0
#include "train/training_data.h"

#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "core/files.h"
#include "data/folds.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class TrainingDataTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string csv = "path,label,shop\n";
    for (int i = 0; i < 24; ++i)
      csv += join("photo", i, ".jpg,product", i % 3, ",shop", i / 6, "\n");
    options_.data = write("train.csv", csv);
  }
  std::string write(const std::string& name, const std::string& text) {
    const fs::path path = fs::path(testing::TempDir()) / name;
    write_file(path, text);
    return path.string();
  }
  std::string error() const {
    try {
      read_training_data(options_);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
  TrainOptions options_;
};

TEST_F(TrainingDataTest, NumbersValidationLabelsAsTrainingOnes) {
  options_.val = write("val.csv", "path,label\na.jpg,product2\nb.jpg,stranger\n");
  const TrainingData data = read_training_data(options_);
  EXPECT_EQ(data.train.size(), 24u);
  EXPECT_EQ(data.val_labels, (std::vector<std::int64_t>{2, -1}));
  EXPECT_EQ(count_labels(data.labels), (std::vector<std::int64_t>{8, 8, 8}));
}

TEST_F(TrainingDataTest, EachPhotoIsHeldOutInOneFold) {
  options_.folds = 4;
  std::set<std::string> held_out;
  for (int k = 0; k < 4; ++k) {
    options_.fold = std::to_string(k);
    const TrainingData data = read_training_data(options_);
    EXPECT_EQ(data.train.size(), 18u);
    EXPECT_EQ(data.val.size(), 6u);
    // What class weights are from: as the contest's winner has it, of the whole list.
    EXPECT_EQ(data.listed, (std::vector<std::int64_t>{8, 8, 8}));
    for (const std::string& name : data.val.names)
      EXPECT_TRUE(held_out.insert(name).second) << name;
    EXPECT_EQ(data.held_out,
              (HeldOutFold{k, 4, 42, split_hash(read_manifest(options_.data), ""), ""}));
    for (const std::string& name : data.train.names)
      EXPECT_EQ(std::count(data.val.names.begin(), data.val.names.end(), name), 0) << name;
  }
  EXPECT_EQ(held_out.size(), 24u);
}

TEST_F(TrainingDataTest, AGroupStaysOnOneSide) {
  options_.folds = 2;
  options_.fold = "0";
  options_.group_column = "shop";
  const TrainingData data = read_training_data(options_);
  EXPECT_EQ(data.held_out->group_column, "shop");
  EXPECT_EQ(data.held_out->list_hash, split_hash(read_manifest(options_.data), "shop"));
  const auto shops = [](const Manifest& m) {
    return std::set<std::string>(m.columns.at(0).values.begin(), m.columns.at(0).values.end());
  };
  EXPECT_EQ(shops(data.train).size(), 2u);
  for (const std::string& shop : shops(data.val))
    EXPECT_EQ(shops(data.train).count(shop), 0u) << shop;
}

TEST_F(TrainingDataTest, MistakesAreNamed) {
  options_.folds = 2;
  options_.fold = "2";
  EXPECT_NE(error().find("want --fold all or a number below --folds 2, got 2"), std::string::npos);
  options_.fold = "0";
  options_.group_column = "town";
  EXPECT_NE(error().find("want the column town to group photos by, found only shop"),
            std::string::npos);
  options_.group_column = "label";
  EXPECT_NE(error().find("want photos of each of 3 products outside fold 0"), std::string::npos);
}

TEST_F(TrainingDataTest, HashTellsOtherRowsAndFilesApart) {
  const std::string before = read_training_data(options_).hash;
  EXPECT_EQ(before, read_training_data(options_).hash);
  write("photo3.jpg", "now it is there");
  EXPECT_NE(before, read_training_data(options_).hash);
}

}  // namespace
}  // namespace shoplens
