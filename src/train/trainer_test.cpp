// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "core/files.h"
#include "data/manifest_reader.h"
#include "eval/gap.h"
#include "train/build.h"
#include "train/colour_catalogue.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class TrainerTest : public ColourCatalogue {
 protected:
  // Of product 3 one photo stays, which runs of more repeat.
  void leave_one_photo_of_a_product() {
    for (int i = 1; i < 6; ++i)
      fs::remove(folder_ / "train" / "product-3" / (std::to_string(i) + ".png"));
  }

  // The run "whole", and the same in "parts", stopped after that epoch and resumed.
  void expect_equal_when_stopped_after(int epoch) {
    EXPECT_EQ(run(in("whole")), RunEnd::kDone);
    TrainOptions part = in("parts");
    part.stop_epoch = epoch;
    EXPECT_EQ(run(part), RunEnd::kStopEpoch);
    part.resume = true;
    part.stop_epoch = 0;
    part.workers = 1;  // the threads that load do not matter
    EXPECT_EQ(run(part), RunEnd::kDone);
    expect_equal_runs("whole", "parts");
  }
};

TEST_F(TrainerTest, TwoEpochsAndTwoResumedEqualFourToTheBit) {
  expect_equal_when_stopped_after(2);
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

// As a power cut would end it: without a word.
TEST_F(TrainerTest, EndedInAnEpochGoesOnFromTheLatestCheckpointToTheBit) {
  options_.checkpoint_minutes = 0;
  EXPECT_EQ(run(in("whole")), RunEnd::kDone);
  TrainOptions part = in("parts");
  {
    const std::atomic<bool> interrupted = false;
    int passes = 0;
    Trainer trainer(part, interrupted);
    trainer.on_pass = [&](const auto&) {
      if (++passes == 5)
        throw std::runtime_error("a power cut");  // in the second epoch's second step
    };
    EXPECT_THROW(trainer.run(), std::runtime_error);
  }
  const std::atomic<bool> interrupted = false;
  part.resume = true;
  int passes = 0;
  {
    Trainer trainer(part, interrupted);
    trainer.on_pass = [&](const auto&) { ++passes; };
    EXPECT_EQ(trainer.run(), RunEnd::kDone);
  }
  EXPECT_EQ(passes, 4 * 3 - 4);  // of 3 batches an epoch four were done
  expect_equal_runs("whole", "parts");
}

// The flag comes with the last batch, in the middle of an optimiser step: the next place to look at
// it is the validation.
TEST_F(TrainerTest, InterruptedWhileItValidatesResumesToTheBit) {
  options_.grad_accum_steps = 2;  // of 3 batches
  EXPECT_EQ(run(in("whole")), RunEnd::kDone);
  TrainOptions part = in("parts");
  {
    std::atomic<bool> interrupted = false;
    int passes = 0;
    Trainer trainer(part, interrupted);
    trainer.on_pass = [&](const auto&) { interrupted = ++passes == 3; };
    EXPECT_EQ(trainer.run(), RunEnd::kInterrupted);
  }
  EXPECT_FALSE(fs::exists(folder_ / "parts" / "best" / "model.safetensors"));
  part.resume = true;
  EXPECT_EQ(run(part), RunEnd::kDone);
  expect_equal_runs("whole", "parts");
  EXPECT_EQ(read_file(folder_ / "whole" / "best" / "model.safetensors"),
            read_file(folder_ / "parts" / "best" / "model.safetensors"));
}

TEST_F(TrainerTest, ARunThatEndedBeforeItsFirstCheckpointBeginsAgainWithItsWeights) {
  const TrainOptions donor = in("donor");
  EXPECT_EQ(run(donor), RunEnd::kDone);
  options_.weights = (folder_ / "backbone.safetensors").string();
  NamedTensors backbone;
  for (const auto& [name, tensor] : RunFolder::open(donor.out).load_best().tensors)
    if (!name.starts_with("neck.") && !name.starts_with("global_pool."))
      backbone.emplace_back(name, tensor);
  write_safetensors(options_.weights, {backbone, {}});
  EXPECT_EQ(run(in("whole")), RunEnd::kDone);

  TrainOptions part = in("parts");
  const std::atomic<bool> interrupted = false;
  {
    Trainer(part, interrupted);
  }  // made the folder, and was killed
  part.resume = true;
  EXPECT_EQ(run(part), RunEnd::kDone);
  expect_equal_runs("whole", "parts");
}

TEST_F(TrainerTest, AveragedEpochsMixturesAndSampledClassesResumeToTheBit) {
  options_.model_ema = false;
  options_.swa_epochs = 2;
  options_.min_lr = 1e-4;
  options_.mixup = 0.4;
  options_.sample_rate = 0.6;
  options_.clip_grad = 1;
  expect_equal_when_stopped_after(3);  // the first averaged epoch
}

TEST_F(TrainerTest, SwaExportsTheMeanOfItsEpochs) {
  options_.model_ema = false;
  options_.swa_epochs = 2;
  options_.lr = options_.min_lr = 1e-3;
  options_.val = "";  // the last epoch is the best
  std::vector<double> weights;
  torch::Tensor centres;  // the sum of the two epochs'
  for (const int end : {3, 4}) {
    TrainOptions part = in("run");
    part.stop_epoch = end;
    part.resume = end == 4;
    run(part);
    for (const auto& [name, tensor] : checkpoint("run")) {
      if (name == "model.conv_stem.weight") weights.push_back(tensor.flatten()[0].item<double>());
      if (name == "head.weight") centres = centres.defined() ? centres + tensor : tensor;
    }
  }
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_NE(weights[0], weights[1]);
  const TrainedModel best = RunFolder::open(in("run").out).load_best();
  for (const auto& [name, tensor] : best.tensors)
    if (name == "conv_stem.weight") {
      EXPECT_NEAR(tensor.flatten()[0].item<double>(), (weights[0] + weights[1]) / 2, 1e-7);
    }
  // The classes are the averaged network's too: cosines to the mean centres.
  ASSERT_TRUE(best.classes && centres.defined());
  EXPECT_TRUE(torch::allclose(best.classes->weight, centres / centres.norm(2, 1, true), 0, 1e-6));
}

// The best of an EMA run is validated and exported with the average of the head as well.
TEST_F(TrainerTest, EmaExportsTheClassesOfItsAverage) {
  options_.val = "";  // the last epoch is the best
  options_.epochs = 2;
  EXPECT_EQ(run(in("run")), RunEnd::kDone);
  torch::Tensor live, average;
  for (const auto& [name, tensor] : checkpoint("run")) {
    if (name == "head.weight") live = tensor;
    if (name == "average_head.weight") average = tensor;
  }
  ASSERT_TRUE(live.defined() && average.defined());
  EXPECT_FALSE(live.equal(average));
  const TrainedModel best = RunFolder::open(in("run").out).load_best();
  ASSERT_TRUE(best.classes);
  EXPECT_TRUE(torch::allclose(best.classes->weight, average / average.norm(2, 1, true), 0, 1e-6));
}

TEST_F(TrainerTest, ACheckpointOfBeforeHeadsWereAveragedGoesOn) {
  options_.stop_epoch = 2;
  EXPECT_EQ(run(options_), RunEnd::kStopEpoch);
  const fs::path file = folder_ / "run" / "last" / "checkpoint.safetensors";
  Safetensors saved = read_safetensors(file);
  const auto removed = std::erase_if(
      saved.tensors, [](const auto& item) { return item.first.starts_with("average_head."); });
  EXPECT_EQ(removed, 1u);
  write_safetensors(file, saved.tensors, saved.metadata);

  options_.resume = true;
  options_.stop_epoch = 0;
  const std::atomic<bool> interrupted = false;
  Trainer trainer(options_, interrupted);
  torch::Tensor head, average;
  for (const auto& [name, tensor] : trainer.tensors()) {
    if (name == "head.weight") head = tensor;
    if (name == "average_head.weight") average = tensor;
  }
  ASSERT_TRUE(head.defined() && average.defined());
  EXPECT_TRUE(head.equal(average));
  EXPECT_EQ(trainer.run(), RunEnd::kDone);
}

TEST_F(TrainerTest, ResumeRefusesOtherPhotos) {
  options_.stop_epoch = 1;
  EXPECT_EQ(run(options_), RunEnd::kStopEpoch);
  fs::remove(folder_ / "train" / "product-0" / "0.png");
  options_.resume = true;
  EXPECT_NE(error_of(options_).find("want the photos that the run"), std::string::npos);
}

TEST_F(TrainerTest, ResumeRefusesOtherValidationPhotos) {
  options_.stop_epoch = 2;
  EXPECT_EQ(run(options_), RunEnd::kStopEpoch);
  fs::remove(folder_ / "val" / "product-0" / "0.png");  // its scores would not compare
  options_.resume = true;
  EXPECT_NE(error_of(options_).find("want the photos that the run"), std::string::npos);
}

// A run killed before its first checkpoint has the hash of its photos in config.toml alone.
TEST_F(TrainerTest, ResumeBeforeTheFirstCheckpointRefusesOtherPhotosToo) {
  const std::atomic<bool> interrupted = false;
  {
    Trainer(options_, interrupted);
  }
  const RunFolder begun = RunFolder::open(options_.out);
  EXPECT_FALSE(begun.has_checkpoint());
  ASSERT_TRUE(begun.data_hash());
  EXPECT_EQ(begun.data_hash()->size(), 64u);
  fs::remove(folder_ / "train" / "product-0" / "0.png");
  options_.resume = true;
  EXPECT_NE(error_of(options_).find("want the photos that the run"), std::string::npos);
}

TEST_F(TrainerTest, OnePhotoIsTooFewToTrainOn) {
  write_file(folder_ / "one.csv", "path,label\ntrain/product-0/0.png,red\n");
  options_.data = (folder_ / "one.csv").string();
  EXPECT_EQ(error_of(options_),
            "train: want at least 2 photos to train on in --data, got 1 (" + options_.data + ")");
  EXPECT_FALSE(fs::exists(options_.out));
}

TEST_F(TrainerTest, CopiesOfARareProductsPhotoAreAugmentedEachInItsOwnWay) {
  leave_one_photo_of_a_product();
  options_.epochs = 2;
  options_.m_per_class = 2;
  options_.batch_size = 4;  // of the 20 places in an epoch none is left out
  options_.augment.shift_scale_rotate = 1;
  int copies = 0;
  const std::atomic<bool> interrupted = false;
  Trainer trainer(options_, interrupted);
  trainer.on_pass = [&](const Trainer::Pass& pass) {
    const std::size_t width = pass.pixels.size() / pass.labels.size();
    for (std::size_t i = 0; i + 1 < pass.labels.size(); i += 2) {
      EXPECT_EQ(pass.labels[i], pass.labels[i + 1]);
      if (pass.labels[i] != 3) continue;
      const auto first = pass.pixels.subspan(i * width, width),
                 second = pass.pixels.subspan((i + 1) * width, width);
      EXPECT_FALSE(std::equal(first.begin(), first.end(), second.begin()));
      ++copies;
    }
  };
  EXPECT_EQ(trainer.run(), RunEnd::kDone);
  EXPECT_EQ(copies, 2);
}

TEST_F(TrainerTest, CopiesOfARareProductsPhotoResumeToTheBit) {
  leave_one_photo_of_a_product();
  options_.epochs = 2;
  options_.m_per_class = 2;
  options_.batch_size = 4;
  EXPECT_EQ(run(in("whole")), RunEnd::kDone);
  TrainOptions part = in("parts");
  for (int stop = 0; stop < 4; ++stop, part.resume = true)
    EXPECT_EQ(run(part, true), RunEnd::kInterrupted);  // after each of four of its five batches
  part.workers = 1;
  EXPECT_EQ(run(part), RunEnd::kDone);
  expect_equal_runs("whole", "parts");
}

// A copy is named by its photo.
TEST_F(TrainerTest, CopiesOfAnUnreadablePhotoAreOneLeftOut) {
  leave_one_photo_of_a_product();
  write_file(folder_ / "train" / "product-3" / "0.png", "not a photo");
  options_.epochs = 1;
  options_.warmup_epochs = 0;
  options_.m_per_class = 2;
  options_.batch_size = 4;
  EXPECT_EQ(run(options_), RunEnd::kDone);
  const std::string log = read_file(folder_ / "run" / "log.txt");
  const std::size_t place = log.find("left out");
  ASSERT_NE(place, std::string::npos);
  EXPECT_EQ(log.find("left out", place + 1), std::string::npos);
}

// A softmax head scores embeddings of any length, and its bias says how long they should be.
TEST_F(TrainerTest, ScoresClassesOfRawEmbeddings) {
  options_.head = "softmax";
  options_.val_metric = "gap";
  options_.model_ema = false;
  options_.epochs = 2;
  const std::atomic<bool> interrupted = false;
  Trainer trainer(options_, interrupted);
  trainer.run();
  EmbeddingModel model({.arch = options_.arch, .pool = "gem", .dim = options_.dim});
  torch::Tensor weight, bias;
  NamedTensors of_model;
  for (const auto& [name, tensor] : trainer.tensors()) {
    if (name == "head.weight") weight = tensor;
    if (name == "head.bias") bias = tensor;
    if (name.starts_with("model.")) of_model.emplace_back(name.substr(6), tensor);
  }
  ASSERT_TRUE(weight.defined() && bias.defined());
  load_tensors(model.state(), of_model, "run");
  const Photos photos(read_manifest(options_.val).paths, build_preprocessing(options_), {}, 0);
  const auto embed = [&](Length length) {
    return embed_photos(
        model, photos, 32, false, length, build_execution(options_),
        {.batch_size = 4, .threads = 1}, [](const auto&) {}, interrupted);
  };
  const auto rows = [&](const Embeddings& e) {
    return torch::tensor(e.vectors).view({-1, options_.dim});
  };
  const torch::Tensor raw = rows(embed(Length::kRaw)), unit = rows(embed(Length::kOne));
  EXPECT_TRUE(torch::allclose(raw / raw.norm(2, 1, true), unit, 0, 1e-6));
  EXPECT_FALSE(torch::allclose(raw, unit, 0, 1e-3));
  const auto [confidence, predicted] =
      (raw.matmul(weight.t()) + bias).softmax(1).to(torch::kDouble).max(1);
  std::vector<std::int64_t> truth;
  for (std::int64_t i = 0; i < raw.size(0); ++i) truth.push_back(i / 2);
  const auto* c = confidence.const_data_ptr<double>();
  const auto* p = predicted.const_data_ptr<std::int64_t>();
  std::istringstream summary(read_file(folder_ / "run" / "summary.csv"));
  std::string last;
  for (std::string line; std::getline(summary, line);) last = line;
  EXPECT_NEAR(std::stod(last.substr(last.rfind(',') + 1)),
              global_average_precision(truth, {p, p + truth.size()}, {c, c + truth.size()}), 1e-5);
}

TEST_F(TrainerTest, ComputesInThePrecisionThatAutoStandsForAndRecordsIt) {
  options_.epochs = 2;
  TrainOptions by_default = in("auto");
  by_default.amp = "auto";
  run(by_default);
  const auto stem_of = [&](const char* run) {
    for (const auto& [name, tensor] : checkpoint(run))
      if (name == "model.conv_stem.weight") return tensor;
    return torch::Tensor();
  };
  const std::string amp = RunFolder::open(by_default.out).options().amp;
  EXPECT_EQ(amp, __builtin_cpu_supports("avx512bf16") ? "bf16" : "fp32");
  for (const char* asked : {"bf16", "fp32"}) {
    TrainOptions explicitly = in(asked);
    explicitly.amp = asked;
    run(explicitly);
    EXPECT_EQ(stem_of(asked).equal(stem_of("auto")), asked == amp) << asked;
  }
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
  const std::vector<double> losses = losses_of("run");
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

// In one batch an epoch the broken photo leaves the other alone, which batch norm cannot train on.
TEST_F(TrainerTest, ABatchOfOneReadablePhotoIsPassedOver) {
  write_file(folder_ / "train" / "product-0" / "0.png", "not a photo");
  options_.batch_size = 2;
  options_.epochs = 2;
  int passes = 0;
  const std::atomic<bool> interrupted = false;
  Trainer trainer(in("counted"), interrupted);
  trainer.on_pass = [&](const auto&) { ++passes; };
  EXPECT_EQ(trainer.run(), RunEnd::kDone);
  EXPECT_EQ(passes, 2 * 11);
  const auto saved = read_safetensors(folder_ / "counted" / "last" / "checkpoint.safetensors");
  EXPECT_EQ(saved.metadata.at("step"), "24");  // the schedule's
  expect_equal_when_stopped_after(1);
}

TEST_F(TrainerTest, ManyUnreadablePhotosAreAnError) {
  for (const char* name : {"0.png", "1.png", "2.png"})
    write_file(folder_ / "train" / "product-0" / name, "not a photo");
  EXPECT_NE(error_of(options_).find("train: want at most 5% unreadable photos, got "),
            std::string::npos);
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
  EXPECT_EQ(error_of(options_),
            "want a new or empty folder, found one with content (" + options_.out + ")");
  fs::remove(folder_ / "run" / "config.toml");
  EXPECT_NE(error_of(options_).find("found one with content"), std::string::npos);
}

}  // namespace
}  // namespace shoplens
