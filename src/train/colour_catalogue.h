// SPDX-License-Identifier: Apache-2.0
// For tests of training.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "core/files.h"
#include "core/log.h"
#include "image/encode.h"
#include "train/trainer.h"

namespace shoplens {

// A catalogue of four plain colours, a folder a class, and short runs of a small network on it.
class ColourCatalogue : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    write_photos("train", 6);
    write_photos("val", 2);
    options_.data = (folder_ / "train").string();
    options_.val = (folder_ / "val").string();
    options_.out = (folder_ / "run").string();
    options_.preprocessing.img_size = 32;
    options_.dim = 16;
    options_.epochs = 4;
    options_.batch_size = 8;
    options_.warmup_epochs = 1;
    options_.drop_path = 0.2;
    options_.model_ema = true;
    options_.model_ema_decay = 0.5;
    options_.amp = "fp32";
  }
  void TearDown() override {
    log_to_file({});  // the folder with the run's log goes
    std::filesystem::remove_all(folder_);
  }

  void write_photos(const std::string& name, int count) {
    const std::uint8_t colours[4][3] = {
        {220, 30, 30}, {30, 200, 40}, {40, 50, 230}, {230, 220, 40}};
    for (int label = 0; label < 4; ++label) {
      const std::filesystem::path of_label = folder_ / name / ("product-" + std::to_string(label));
      std::filesystem::create_directories(of_label);
      for (int i = 0; i < count; ++i) {
        Image image(40, 36);
        Random random{static_cast<std::uint64_t>(label), static_cast<std::uint64_t>(i),
                      name.size()};
        for (std::size_t p = 0; p < image.pixels.size(); ++p)
          image.pixels[p] = static_cast<std::uint8_t>(
              std::clamp(colours[label][p % 3] + random.integer(-25, 25), 0, 255));
        write_file(of_label / (std::to_string(i) + ".png"), encode_png(image));
      }
    }
  }

  RunEnd run(const TrainOptions& options, bool interrupt = false) {
    const std::atomic<bool> interrupted = interrupt;
    return Trainer(options, interrupted).run();
  }
  TrainOptions in(const std::string& out) const {
    TrainOptions options = options_;
    options.out = (folder_ / out).string();
    return options;
  }
  // The losses of a run, an epoch each, as summary.csv has them.
  std::vector<double> losses_of(const std::string& out) const {
    std::istringstream summary(read_file(folder_ / out / "summary.csv"));
    std::string line;
    std::vector<double> losses;
    std::getline(summary, line);  // the header
    while (std::getline(summary, line))
      losses.push_back(std::stod(line.substr(line.find(',') + 1)));
    return losses;
  }
  NamedTensors checkpoint(const std::string& out) const {
    return read_safetensors(folder_ / out / "last" / "checkpoint.safetensors").tensors;
  }
  void expect_equal_runs(const std::string& a, const std::string& b) const {
    const NamedTensors left = checkpoint(a), right = checkpoint(b);
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      EXPECT_EQ(left[i].first, right[i].first);
      EXPECT_TRUE(left[i].second.equal(right[i].second)) << left[i].first;
    }
  }
  std::string error_of(const TrainOptions& options) {
    try {
      run(options);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

  std::filesystem::path folder_;
  TrainOptions options_;
};

}  // namespace shoplens
