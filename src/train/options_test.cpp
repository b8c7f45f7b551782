// SPDX-License-Identifier: Apache-2.0
#include "train/options.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/options.h"
#include "train/step_graph.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

TrainOptions least() {
  TrainOptions options;
  options.data = "photos.csv";
  options.out = "run";
  return options;
}

std::string error_of(const TrainOptions& options) {
  try {
    check_options(options);
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kBadInput) << e.what();
    return e.what();
  }
  return "";
}

using Change = void (*)(TrainOptions&);

struct Mistake {
  Change change;
  const char* error;
};

void expect_refused(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    TrainOptions options = least();
    mistake.change(options);
    EXPECT_EQ(error_of(options), mistake.error);
  }
}

TEST(CheckOptions, TakesTheDefaults) { EXPECT_EQ(error_of(least()), ""); }

TEST(CheckOptions, TakesEachShippedRecipe) {
  int recipes = 0;
  for (const auto& entry : fs::directory_iterator(SHOPLENS_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() != ".toml") continue;
    const std::string file = entry.path().string();
    TrainOptions options = least();
    from_toml(options_of(options), read_file(entry.path()), file);
    EXPECT_EQ(error_of(options), "") << file;
    ++recipes;
  }
  EXPECT_GE(recipes, 3);
}

TEST(CheckOptions, TakesWhatIsJustInRange) {
  TrainOptions o = least();
  o.smoothing = o.momentum = o.model_ema_decay = o.weight_decay = o.head_lr_scale = 0;
  o.min_lr = o.lr;
  o.mixup = o.sample_rate = 1;
  o.clip_mode = "agc";
  o.clip_grad = 0.01;
  o.folds = 2;
  o.fold = "1";
  o.seed = 4294967295;
  EXPECT_EQ(error_of(o), "");
  o.folds = 0;
  o.fold = "all";
  o.seed = 4294967296;  // folds alone want 32 bits
  EXPECT_EQ(error_of(o), "");
}

TEST(CheckOptions, RefusesNumbersOutOfRange) {
  expect_refused({
      {[](TrainOptions& o) { o.data = ""; }, "train: want --data, got none"},
      {[](TrainOptions& o) { o.out = ""; }, "train: want --out, got none"},
      {[](TrainOptions& o) { o.epochs = 0; }, "train: want --epochs > 0, got 0"},
      {[](TrainOptions& o) { o.batch_size = 1; },
       "train: want --batch-size > 1 (batch norm needs two photos), got 1"},
      {[](TrainOptions& o) { o.grad_accum_steps = 0; },
       "train: want --grad-accum-steps > 0, got 0"},
      {[](TrainOptions& o) { o.preprocessing.img_size = -1; },
       "train: want --img-size of at least 0, got -1"},
      {[](TrainOptions& o) { o.lr = 0; }, "train: want --lr > 0, got 0"},
      {[](TrainOptions& o) { o.head_lr_scale = -1; },
       "train: want --head-lr-scale of at least 0, got -1"},
      {[](TrainOptions& o) { o.warmup_lr = -0.1; },
       "train: want --warmup-lr of at least 0, got -0.1"},
      {[](TrainOptions& o) { o.min_lr = -0.1; }, "train: want --min-lr of at least 0, got -0.1"},
      {[](TrainOptions& o) { o.momentum = 1; },
       "train: want --momentum of at least 0 and below 1, got 1"},
      {[](TrainOptions& o) { o.weight_decay = -0.1; },
       "train: want --weight-decay of at least 0, got -0.1"},
      {[](TrainOptions& o) { o.clip_grad = -1; }, "train: want --clip-grad of at least 0, got -1"},
      {[](TrainOptions& o) { o.model_ema_decay = 1; },
       "train: want --model-ema-decay of at least 0 and below 1, got 1"},
      {[](TrainOptions& o) { o.dim = 0; }, "train: want --dim > 0, got 0"},
      {[](TrainOptions& o) { o.smoothing = 1; },
       "train: want --smoothing of at least 0 and below 1, got 1"},
      {[](TrainOptions& o) { o.smoothing = -0.1; },
       "train: want --smoothing of at least 0 and below 1, got -0.1"},
      {[](TrainOptions& o) { o.teacher_weight = -1; },
       "train: want --teacher-weight of at least 0, got -1"},
      {[](TrainOptions& o) { o.val_interval = 0; }, "train: want --val-interval > 0, got 0"},
      {[](TrainOptions& o) { o.sample_rate = 0; },
       "train: want --sample-rate above 0 and at most 1, got 0"},
      {[](TrainOptions& o) { o.mixup = 2; }, "train: want --mixup between 0 and 1, got 2"},
      {[](TrainOptions& o) { o.folds = 1; }, "train: want --folds > 1, or 0 for none, got 1"},
  });
}

TEST(CheckOptions, RefusesASeedThatFoldsCannotHave) {
  for (const std::int64_t seed : {std::int64_t{-1}, std::int64_t{4294967296}}) {
    TrainOptions options = least();
    options.folds = 5;
    options.seed = seed;
    EXPECT_EQ(error_of(options), join("train: want a --seed of 32 bits with --folds, got ", seed));
  }
}

TEST(CheckOptions, RefusesASchedulesContradictions) {
  expect_refused({
      {[](TrainOptions& o) { o.warmup_epochs = 10; },
       "train: want 0 <= --warmup-epochs < --epochs, got 10"},
      {[](TrainOptions& o) { o.min_lr = 1; }, "train: want --min-lr at most --lr 0.0003, got 1"},
      {[](TrainOptions& o) { o.swa_epochs = 9; },
       "train: want --swa-epochs + --warmup-epochs < --epochs, got 9"},
      {[](TrainOptions& o) { o.swa_epochs = 2; },
       "train: want --min-lr > 0, --sched cosine and no --model-ema with --swa-epochs, got "
       "--min-lr 0, --sched cosine, --model-ema false"},
      {[](TrainOptions& o) {
         o.sched = "lotte";
         o.epochs = 1;
       },
       "train: want --epochs > 1 with --sched lotte, whose first has rate 0, got 1"},
  });
}

// What would have no effect, or be thought to have had one.
TEST(CheckOptions, RefusesOptionsThatWouldDoNothing) {
  expect_refused({
      {[](TrainOptions& o) { o.fold = std::string("0"); },  // GCC 12 warns of the literal
       "train: want --folds with --fold 0, got none"},
      {[](TrainOptions& o) { o.group_column = "shop"; },
       "train: want --folds with --group-column, got none"},
      {[](TrainOptions& o) { o.clip_mode = "agc"; },
       "train: want --clip-grad > 0 with --clip-mode agc, got 0"},
      {[](TrainOptions& o) {
         o.head = "softmax";
         o.subcenters = 2;
       },
       "train: want --subcenters and --sample-rate with --head arcface, cosface or adaface, got "
       "--head softmax"},
      {[](TrainOptions& o) {
         o.head = "adaface";
         o.margin_rare = 0.5;
       },
       "train: want --margin-rare with --head arcface or cosface, got --head adaface"},
  });
  const std::vector<Change> of_cosine{[](TrainOptions& o) { o.warmup_epochs = 2; },
                                      [](TrainOptions& o) { o.warmup_lr = 1e-5; },
                                      [](TrainOptions& o) { o.min_lr = 1e-5; }};
  for (const Change change : of_cosine) {
    TrainOptions options = least();
    options.sched = "lotte";
    change(options);
    EXPECT_EQ(error_of(options),
              "train: want --sched cosine with --warmup-epochs, --warmup-lr and --min-lr, got "
              "lotte, whose warm-up and end are its own");
  }
  for (const char* head : {"triplet", "multi-similarity"}) {
    TrainOptions options = least();
    options.head = head;
    options.m_per_class = 4;
    EXPECT_EQ(error_of(options), "");
    options.smoothing = 0.1;
    EXPECT_EQ(error_of(options), join("train: want --smoothing 0 and --class-weights none with "
                                      "--head ",
                                      head, ", which has no classes, got 0.1 and none"));
    options.smoothing = 0;
    options.class_weights = "log";
    EXPECT_EQ(error_of(options), join("train: want --smoothing 0 and --class-weights none with "
                                      "--head ",
                                      head, ", which has no classes, got 0 and log"));
  }
}

TEST(CheckOptions, RefusesAHeadsContradictions) {
  expect_refused({
      {[](TrainOptions& o) { o.margin_rare = 0.2; },
       "train: want --margin-rare at least --margin 0.3, got 0.2"},
      {[](TrainOptions& o) { o.m_per_class = 5; },
       "train: want --batch-size a multiple of --m-per-class 5, got 32"},
      {[](TrainOptions& o) { o.head = "triplet"; },
       "train: want --m-per-class > 1 with --head triplet, which compares photos of one product, "
       "got 0"},
      {[](TrainOptions& o) {
         o.head = "triplet";
         o.m_per_class = 4;
         o.val_metric = "gap";
       },
       "train: want --val-metric retrieval with --head triplet, which has no classes, got gap"},
      {[](TrainOptions& o) {
         o.head = "triplet";
         o.m_per_class = 4;
         o.mixup = 0.4;
       },
       "train: want --mixup 0 with --head triplet, which know no photo between two, got 0.4"},
      {[](TrainOptions& o) { o.cuda_graphs = "on"; },
       "train: want --cuda-graphs on with --device cuda and a --head of classes, without "
       "--grad-accum-steps, --mixup, --teacher, --sample-rate, or --smoothing of weighted classes, "
       "as each step has to be the same"},
  });
}

TEST(ResolvedOptions, RecordAStepWhereItRepeats) {
  TrainOptions options = least();
  EXPECT_EQ(resolved(options).cuda_graphs, "off");
  options.device = "cuda";
  EXPECT_EQ(resolved(options).cuda_graphs, StepGraph::is_supported() ? "on" : "off");
  for (const Change change : std::initializer_list<Change>{
           [](TrainOptions& o) { o.grad_accum_steps = 2; }, [](TrainOptions& o) { o.mixup = 0.2; },
           [](TrainOptions& o) { o.teacher = "teacher.npy"; },
           [](TrainOptions& o) { o.sample_rate = 0.5; },
           [](TrainOptions& o) { o.head = "triplet", o.m_per_class = 4; },
           [](TrainOptions& o) { o.smoothing = 0.1, o.class_weights = "log"; },
           [](TrainOptions& o) { o.cuda_graphs = "off"; }}) {
    TrainOptions changed = options;
    change(changed);
    EXPECT_EQ(resolved(changed).cuda_graphs, "off");
    if (changed.cuda_graphs == "off") continue;
    changed.cuda_graphs = "on";
    EXPECT_NE(error_of(changed).find("as each step has to be the same"), std::string::npos);
  }
}

TEST(CheckOptions, WantsADeviceThatIsThere) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "there is a CUDA device";
  TrainOptions options = least();
  options.device = "cuda";
  try {
    check_options(options);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace shoplens
