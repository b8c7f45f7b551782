// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/files.h"
#include "core/log.h"
#include "image/encode.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

// A catalogue of four plain colours, a folder a class, and short runs of a small network on it.
class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    write_photos("train", 6);
    write_photos("val", 2);
    options_.data = (folder_ / "train").string();
    options_.val = (folder_ / "val").string();
    options_.out = (folder_ / "run").string();
    options_.img_size = 32;
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
    fs::remove_all(folder_);
  }

  void write_photos(const std::string& name, int count) {
    const std::uint8_t colours[4][3] = {{220, 30, 30}, {30, 200, 40}, {40, 50, 230}, {230, 220, 40}};
    for (int label = 0; label < 4; ++label) {
      const fs::path of_label = folder_ / name / ("product-" + std::to_string(label));
      fs::create_directories(of_label);
      for (int i = 0; i < count; ++i) {
        Image image(40, 36);
        Random random{static_cast<std::uint64_t>(label), static_cast<std::uint64_t>(i), name.size()};
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

  fs::path folder_;
  TrainOptions options_;
};

TEST_F(TrainerTest, TwoEpochsAndTwoResumedEqualFourToTheBit) {
  EXPECT_EQ(run(in("whole")), RunEnd::kDone);
  TrainOptions part = in("parts");
  part.stop_epoch = 2;
  EXPECT_EQ(run(part), RunEnd::kStopEpoch);
  part.resume = true;
  part.stop_epoch = 0;
  part.workers = 1;  // the threads that load do not matter
  EXPECT_EQ(run(part), RunEnd::kDone);
  expect_equal_runs("whole", "parts");
  EXPECT_EQ(read_file(folder_ / "whole" / "best" / "model.safetensors"),
            read_file(folder_ / "parts" / "best" / "model.safetensors"));
}

TEST_F(TrainerTest, InterruptedInAnEpochResumesToTheBit) {
  options_.grad_accum_steps = 2;
  options_.opt = "sgd";
  EXPECT_EQ(run(in("whole")), RunEnd::kDone);
  TrainOptions part = in("parts");
  EXPECT_EQ(run(part, true), RunEnd::kInterrupted);  // after the first optimiser step
  part.resume = true;
  EXPECT_EQ(run(part, true), RunEnd::kInterrupted);
  EXPECT_EQ(run(part), RunEnd::kDone);
  expect_equal_runs("whole", "parts");
}

TEST_F(TrainerTest, LearnsColours) {
  options_.head = "softmax";
  options_.epochs = options_.val_interval = 25;
  options_.batch_size = 24;  // all photos in every step
  options_.lr = 2e-3;
  options_.drop_path = 0;
  options_.model_ema = false;
  options_.augment.shift_scale_rotate = options_.augment.cutout = options_.augment.jpeg = 0;
  run(options_);
  std::istringstream summary(read_file(folder_ / "run" / "summary.csv"));
  std::string line;
  std::vector<double> losses;
  std::getline(summary, line);  // the header
  while (std::getline(summary, line)) losses.push_back(std::stod(line.substr(line.find(',') + 1)));
  ASSERT_EQ(losses.size(), 25u);
  EXPECT_LT(losses.back(), 0.5 * losses.front());
  const TrainedModel best = RunFolder::open(options_.out).load_best();
  EXPECT_EQ(best.info.arch, "mobilenetv2_100");
  EXPECT_EQ(best.info.dim, 16);
  EXPECT_EQ(best.info.preprocessing.size, 32);
}

TEST_F(TrainerTest, OneUnreadablePhotoIsLeftOut) {
  write_file(folder_ / "train" / "product-0" / "0.png", "not a photo");
  options_.epochs = 2;
  EXPECT_EQ(run(options_), RunEnd::kDone);
  EXPECT_NE(read_file(folder_ / "run" / "log.txt").find("left out"), std::string::npos);
}

TEST_F(TrainerTest, ManyUnreadablePhotosAreAnError) {
  for (const char* name : {"0.png", "1.png", "2.png"}) write_file(folder_ / "train" / "product-0" / name, "not a photo");
  EXPECT_NE(error_of(options_).find("train: want at most 5% unreadable photos, got "), std::string::npos);
}

TEST_F(TrainerTest, NonFiniteLossNamesStepAndPhotos) {
  options_.lr = 1e30;
  options_.warmup_epochs = 0;
  const std::string error = error_of(options_);
  EXPECT_NE(error.find("step "), std::string::npos) << error;
  EXPECT_NE(error.find(".png"), std::string::npos) << error;
}

TEST_F(TrainerTest, ARunIsNeverOverwritten) {
  options_.epochs = 2;
  run(options_);
  EXPECT_EQ(error_of(options_), "want a new or empty folder, found one with content (" + options_.out + ")");
}

}  // namespace
}  // namespace shoplens
