// SPDX-License-Identifier: Apache-2.0
// Every head and every part of training that has a switch, through the trainer.
#include <cmath>

#include "train/colour_catalogue.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

// A way to train, by its name.
struct Way {
  const char* name;
  void (*change)(TrainOptions&);
};

class WaysToTrainTest : public ColourCatalogue {
 protected:
  // The losses of a run in folder `out`, that of the last epoch last. Its weights move.
  std::vector<double> losses_of_training(const TrainOptions& options, const std::string& out) {
    const std::atomic<bool> interrupted = false;
    Trainer trainer(options, interrupted);
    NamedTensors before;
    for (const auto& [name, tensor] : trainer.tensors())
      if (name == "model.conv_stem.weight" || name == "head.weight")
        before.emplace_back(name, tensor.clone());
    EXPECT_FALSE(before.empty());
    EXPECT_EQ(trainer.run(), RunEnd::kDone);
    for (const auto& [name, tensor] : trainer.tensors())
      for (const auto& [name_before, tensor_before] : before)
        if (name == name_before) {
          EXPECT_FALSE(tensor.equal(tensor_before)) << name;
        }
    return losses_of(out);
  }

  // Each of the ways trains, and to other losses than options_ alone: what it names is not ignored.
  void expect_other_losses(const std::vector<Way>& ways) {
    options_.epochs = 2;
    options_.val = "";
    options_.model_ema = false;
    options_.drop_path = 0;  // its draws would differ from head to head
    const std::vector<double> plain = losses_of_training(in("plain"), "plain");
    ASSERT_EQ(plain.size(), 2u);
    for (const Way& way : ways) {
      SCOPED_TRACE(way.name);
      TrainOptions options = in(way.name);
      way.change(options);
      const std::vector<double> losses = losses_of_training(options, way.name);
      ASSERT_EQ(losses.size(), 2u);
      for (const double loss : losses) EXPECT_TRUE(std::isfinite(loss)) << loss;
      EXPECT_NE(losses.back(), plain.back());
    }
  }
};

TEST_F(WaysToTrainTest, EveryHeadOfClassesTrains) {
  fs::remove(folder_ / "train" / "product-3" / "5.png");  // a rarer product, for what counts photos
  expect_other_losses({
      {"softmax", [](TrainOptions& o) { o.head = "softmax"; }},
      {"cosface", [](TrainOptions& o) { o.head = "cosface"; }},
      {"adaface", [](TrainOptions& o) { o.head = "adaface"; }},
      {"subcenters", [](TrainOptions& o) { o.subcenters = 2; }},
      {"margin-rare", [](TrainOptions& o) { o.margin_rare = 0.5; }},
      {"class-weights", [](TrainOptions& o) { o.class_weights = "log"; }},
      {"smoothing", [](TrainOptions& o) { o.smoothing = 0.1; }},
      {"mixup", [](TrainOptions& o) { o.mixup = 0.4; }},
      {"trivial-augment", [](TrainOptions& o) { o.augment.trivial_augment = 1; }},
      {"agc",
       [](TrainOptions& o) {
         o.clip_mode = "agc";
         o.clip_grad = 0.01;
       }},
  });
}

// Two products a batch: sampling leaves one of the other two out.
TEST_F(WaysToTrainTest, HeadsOfPairsAndSampledClassesTrain) {
  options_.m_per_class = 4;
  expect_other_losses({
      {"triplet", [](TrainOptions& o) { o.head = "triplet"; }},
      {"multi-similarity", [](TrainOptions& o) { o.head = "multi-similarity"; }},
      {"sample-rate", [](TrainOptions& o) { o.sample_rate = 0.6; }},
  });
}

}  // namespace
}  // namespace shoplens
