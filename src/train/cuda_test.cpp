// SPDX-License-Identifier: Apache-2.0
// Training on a GPU against the same on the processor, in double precision, so that what is left is
// the order of sums.
#include <torch/cuda.h>

#include "models/backbone.h"
#include "models/load_backbone.h"
#include "tests/hash_fill.h"
#include "train/autocast.h"
#include "train/colour_catalogue.h"

namespace shoplens {
namespace {

#define SHOPLENS_NEED_CUDA() \
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device"

double relative_error(const torch::Tensor& got, const torch::Tensor& want) {
  const torch::Tensor reference = want.to(torch::kCPU, torch::kDouble);
  return ((got.to(torch::kCPU, torch::kDouble) - reference).norm() / reference.norm())
      .item<double>();
}

struct Result {
  torch::Tensor features, gradients;
};

// Forwards, and in train mode backwards.
Result pass(const BackboneEntry& entry, torch::Device device, torch::ScalarType type, bool bf16,
            bool train) {
  const auto backbone = entry.create({});
  backbone->train(train);
  hash_fill(state_of(*backbone));
  backbone->to(device);
  for (const auto& tensors : {backbone->parameters(), backbone->buffers()})
    for (const torch::Tensor& t : tensors)
      if (t.is_floating_point()) t.set_data(t.detach().to(type));
  const int side = entry.patch > 0 ? 4 * entry.patch : 64;
  const torch::Tensor x = hash_filled("input", {4, 3, side, side}).to(device, type);
  torch::Tensor features;
  {
    const Autocast autocast(device.type(), bf16);
    features = backbone->forward_features(x).to(type);
  }
  if (!train) return {features.detach(), {}};
  (features * hash_filled("loss", features.sizes()).to(device, type)).mean().backward();
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& p : backbone->parameters())
    if (p.grad().defined()) gradients.push_back(p.grad().flatten());
  return {features.detach(), torch::cat(gradients)};
}

TEST(BackboneOnCuda, IsTheOneOfTheProcessor) {
  SHOPLENS_NEED_CUDA();
  for (const BackboneEntry& entry : backbones()) {
    SCOPED_TRACE(entry.name);
    const Result want = pass(entry, torch::kCPU, torch::kDouble, false, true),
                 got = pass(entry, torch::kCUDA, torch::kDouble, false, true);
    // A few kernels of activations have float constants.
    EXPECT_LT(relative_error(got.features, want.features), 1e-6);
    EXPECT_LT(relative_error(got.gradients, want.gradients), 1e-6);
    const Result exact = pass(entry, torch::kCPU, torch::kFloat, false, false),
                 bf16 = pass(entry, torch::kCUDA, torch::kFloat, true, false);
    EXPECT_LT(relative_error(bf16.features, exact.features), 0.1);
  }
}

class TrainerOnCuda : public ColourCatalogue {
 protected:
  void SetUp() override {
    ColourCatalogue::SetUp();
    options_.amp = "fp64";
    options_.lr = 1e-5;      // at higher rates random weights are chaotic
    options_.drop_path = 0;  // the devices draw other numbers
    options_.model_ema = false;
  }

  std::vector<double> losses(TrainOptions options, const std::string& out) {
    options.out = (folder_ / out).string();
    const std::atomic<bool> interrupted = false;
    std::vector<double> all;
    Trainer trainer(options, interrupted);
    trainer.on_pass = [&](const auto& pass) { all.push_back(pass.loss); };
    EXPECT_EQ(trainer.run(), RunEnd::kDone);
    return all;
  }
  TrainOptions on_cuda() const {
    TrainOptions options = options_;
    options.device = "cuda";
    return options;
  }
  // Whole, and in two parts.
  void expect_to_go_on() {
    EXPECT_EQ(run(in("whole")), RunEnd::kDone);
    TrainOptions part = in("parts");
    part.stop_epoch = 3;
    EXPECT_EQ(run(part), RunEnd::kStopEpoch);
    part.resume = true;
    part.stop_epoch = 0;
    EXPECT_EQ(run(part), RunEnd::kDone);
    const NamedTensors whole = checkpoint("whole"), parts = checkpoint("parts");
    ASSERT_EQ(whole.size(), parts.size());
    for (std::size_t i = 0; i < whole.size(); ++i)
      EXPECT_TRUE(torch::allclose(parts[i].second.to(torch::kDouble),
                                  whole[i].second.to(torch::kDouble), 0, 1e-8))
          << whole[i].first;
  }
  static void expect_near(const std::vector<double>& got, const std::vector<double>& want,
                          double tolerance) {
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(got[i], want[i], tolerance * want[i]) << "pass " << i;
  }
};

TEST_F(TrainerOnCuda, HasTheProcessorsLosses) {
  SHOPLENS_NEED_CUDA();
  options_.class_weights = "log";
  options_.subcenters = 2;
  options_.margin_rare = 0.5;
  options_.mixup = 0.2;
  options_.clip_grad = 1;
  options_.grad_accum_steps = 2;
  expect_near(losses(on_cuda(), "cuda"), losses(options_, "cpu"), 1e-7);
}

TEST_F(TrainerOnCuda, ByTheWinnersOptimiserToo) {
  SHOPLENS_NEED_CUDA();
  options_.opt = "sgd";
  options_.lr = 0.002;
  options_.clip_grad = 0.02;
  options_.clip_mode = "agc";
  options_.arch = "dm_nfnet_f0";
  options_.epochs = 2;
  options_.val_metric = "gap";
  expect_near(losses(on_cuda(), "cuda"), losses(options_, "cpu"), 1e-6);
}

TEST_F(TrainerOnCuda, AGraphComputesWhatItRecorded) {
  SHOPLENS_NEED_CUDA();
  TrainOptions graph = on_cuda(), eager = graph;
  graph.cuda_graphs = "on";
  eager.cuda_graphs = "off";
  expect_near(losses(graph, "graph"), losses(eager, "eager"), 1e-7);
  graph.amp = eager.amp = "bf16";
  graph.model_ema = eager.model_ema = true;
  expect_near(losses(graph, "graph-bf16"), losses(eager, "eager-bf16"), 0.02);
  graph.drop_path = 0.2;
  EXPECT_EQ(losses(graph, "random").size(), 12u);  // all of them finite
}

TEST_F(TrainerOnCuda, ARunWithAGraphGoesOnFromACheckpoint) {
  SHOPLENS_NEED_CUDA();
  options_.device = "cuda";
  options_.cuda_graphs = "on";
  options_.epochs = 6;  // enough to record one after that
  options_.model_ema = true;
  expect_to_go_on();
}

TEST_F(TrainerOnCuda, EveryHeadTrainsThere) {
  SHOPLENS_NEED_CUDA();
  options_.epochs = 2;
  options_.m_per_class = 2;
  for (const char* head :
       {"arcface", "cosface", "adaface", "softmax", "triplet", "multi-similarity"}) {
    options_.head = head;
    expect_near(losses(on_cuda(), join("cuda-", head)), losses(options_, join("cpu-", head)), 1e-7);
  }
}

TEST_F(TrainerOnCuda, ResumesAveragedEpochsAndSampledClasses) {
  SHOPLENS_NEED_CUDA();
  options_.device = "cuda";
  options_.swa_epochs = 2;
  options_.min_lr = 1e-6;
  options_.sample_rate = 0.6;
  expect_to_go_on();
}

TEST_F(TrainerOnCuda, ANonFiniteLossIsNamed) {
  SHOPLENS_NEED_CUDA();
  options_.device = "cuda";
  options_.amp = "bf16";
  options_.lr = 1e30;
  options_.warmup_epochs = 0;
  EXPECT_NE(error_of(options_).find("the loss is "), std::string::npos);
}

}  // namespace
}  // namespace shoplens
