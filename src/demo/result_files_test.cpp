// SPDX-License-Identifier: Apache-2.0
#include "demo/result_files.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

class ResultFiles : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    write_file(folder_ / "test.csv", "path,label\nshelf/a.jpg,Apple\nshelf/b.jpg,Pear\n");
    truth_ = read_manifest(folder_ / "test.csv");
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path json(const std::string& text) {
    write_file(folder_ / "result.json", text);
    return folder_ / "result.json";
  }
  std::string error_of(const std::string& text) {
    try {
      read_predictions(json(text), truth_);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "shoplens_result_files";
  Manifest truth_;
};

TEST_F(ResultFiles, PredictionsMeetTheirLabels) {
  const auto rows =
      read_predictions(json(R"([
      {"path": "shelf/b.jpg", "label": "Apple", "score": 0.75,
       "neighbours": [{"id": 3, "label": "Apple", "path": "catalogue/x.jpg", "score": 0.75}]},
      {"path": ")" + (folder_ / "shelf/a.jpg").string() +
                            R"(", "error": {"code": "corrupt", "message": "cut short"}}])"),
                       truth_);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].label, "Pear");
  EXPECT_EQ(rows[0].predicted, "Apple");
  EXPECT_EQ(rows[0].photo, folder_ / "shelf/b.jpg");
  EXPECT_FALSE(rows[0].right());
  ASSERT_EQ(rows[0].neighbours.size(), 1u);
  EXPECT_DOUBLE_EQ(rows[0].neighbours[0].score, 0.75);
  EXPECT_EQ(rows[1].label, "Apple");
  EXPECT_EQ(rows[1].error, "cut short");
}

TEST_F(ResultFiles, NeighboursAreFoundBesideTheManifest) {
  write_file(folder_ / "near.jpg", "x");
  const auto rows = read_predictions(json(R"([{"path": "shelf/a.jpg", "label": "Apple", "score": 1,
      "neighbours": [{"id": 1, "label": "Apple", "path": "near.jpg", "score": 1}]}])"),
                                     truth_);
  EXPECT_EQ(rows[0].neighbours[0].photo, folder_ / "near.jpg");
}

TEST_F(ResultFiles, BadJsonIsAnErrorThatNamesTheFile) {
  for (const char* text : {"", "[{", "{}", "[3]", R"([{"label": "A"}])",
                           R"([{"path": "shelf/a.jpg", "label": 3, "score": 1}])",
                           R"([{"path": "other.jpg", "error": "x"}])"}) {
    EXPECT_NE(error_of(text).find("page: want"), std::string::npos)
        << text << ": " << error_of(text);
    EXPECT_NE(error_of(text).find("result.json)"), std::string::npos)
        << text << ": " << error_of(text);
  }
}

TEST_F(ResultFiles, MetricsAreSharesAsPerCent) {
  const PageMetrics metrics = read_metrics(json(
      R"({"queries": 160, "gallery": 320, "recall_at_1": 0.875, "recall_at_5": 1, "map": 0.5, "macro_f1": 0.25, "more": 1})"));
  ASSERT_EQ(metrics.size(), 6u);
  EXPECT_EQ(metrics[0], std::make_pair(std::string("Recall@1"), std::string("87.5%")));
  EXPECT_EQ(metrics[5], std::make_pair(std::string("Gallery photos"), std::string("320")));
  EXPECT_THROW(read_metrics(json(R"({"queries": 160})")), Error);
  EXPECT_THROW(read_metrics(folder_ / "absent.json"), Error);
}

}  // namespace
}  // namespace shoplens
