// SPDX-License-Identifier: Apache-2.0
#include "train/options.h"

#include <torch/cuda.h>

#include <limits>

#include "core/error.h"
#include "core/threads.h"
#include "models/backbone.h"
#include "train/step_graph.h"

namespace shoplens {
namespace {

void want_above_0(const char* flag, double value) {
  check(value > 0, "train: want ", flag, " > 0, got ", value);
}

void want_at_least_0(const char* flag, double value) {
  check(value >= 0, "train: want ", flag, " of at least 0, got ", value);
}

void want_below_1(const char* flag, double value) {
  check(value >= 0 && value < 1, "train: want ", flag, " of at least 0 and below 1, got ", value);
}

void check_numbers(const TrainOptions& o) {
  want_above_0("--epochs", o.epochs);
  check(o.batch_size > 1, "train: want --batch-size > 1 (batch norm needs two photos), got ",
        o.batch_size);
  want_above_0("--grad-accum-steps", o.grad_accum_steps);
  check(o.threads >= 0 && o.threads <= kMaxThreads && o.workers >= 0 && o.workers <= kMaxThreads,
        "train: want --threads and --workers of 0 to ", kMaxThreads, ", got ", o.threads, " and ",
        o.workers);
  want_at_least_0("--img-size", o.preprocessing.img_size);
  want_above_0("--lr", o.lr);
  want_at_least_0("--head-lr-scale", o.head_lr_scale);  // 0: the backbone alone learns
  want_at_least_0("--warmup-lr", o.warmup_lr);
  want_at_least_0("--min-lr", o.min_lr);
  want_below_1("--momentum", o.momentum);
  want_at_least_0("--weight-decay", o.weight_decay);
  want_at_least_0("--clip-grad", o.clip_grad);
  want_below_1("--model-ema-decay", o.model_ema_decay);
  want_above_0("--dim", o.dim);
  want_below_1("--smoothing", o.smoothing);
  want_at_least_0("--teacher-weight", o.teacher_weight);
  want_at_least_0("--checkpoint-minutes", o.checkpoint_minutes);
  want_above_0("--val-interval", o.val_interval);
  check(o.clip_mode == "norm" || o.clip_grad > 0,
        "train: want --clip-grad > 0 with --clip-mode agc, got ", o.clip_grad);
}

void check_schedule(const TrainOptions& o) {
  if (o.sched == "lotte") {
    static const TrainOptions usual;
    check(o.epochs > 1, "train: want --epochs > 1 with --sched lotte, whose first has rate 0, got ",
          o.epochs);
    check(o.warmup_epochs == usual.warmup_epochs && o.warmup_lr == usual.warmup_lr &&
              o.min_lr == usual.min_lr,
          "train: want --sched cosine with --warmup-epochs, --warmup-lr and --min-lr, got lotte, "
          "whose warm-up and end are its own");
  } else {
    check(o.warmup_epochs >= 0 && o.warmup_epochs < o.epochs,
          "train: want 0 <= --warmup-epochs < --epochs, got ", o.warmup_epochs);
    check(o.min_lr <= o.lr, "train: want --min-lr at most --lr ", o.lr, ", got ", o.min_lr);
  }
  check(o.swa_epochs >= 0 && o.swa_epochs + o.warmup_epochs < o.epochs,
        "train: want --swa-epochs + --warmup-epochs < --epochs, got ", o.swa_epochs);
  check(o.swa_epochs == 0 || (o.min_lr > 0 && o.sched == "cosine" && !o.model_ema),
        "train: want --min-lr > 0, --sched cosine and no --model-ema with --swa-epochs, got "
        "--min-lr ",
        o.min_lr, ", --sched ", o.sched, ", --model-ema ", o.model_ema ? "true" : "false");
}

void check_folds(const TrainOptions& o) {
  check(o.folds == 0 || o.folds > 1, "train: want --folds > 1, or 0 for none, got ", o.folds);
  check(o.folds > 0 || o.fold == "all", "train: want --folds with --fold ", o.fold, ", got none");
  check(o.group_column.empty() || o.folds > 0, "train: want --folds with --group-column, got none");
  check(o.folds == 0 || (o.seed >= 0 && o.seed <= std::numeric_limits<std::uint32_t>::max()),
        "train: want a --seed of 32 bits with --folds, got ", o.seed);
}

bool compares_pairs(const TrainOptions& o) {
  return o.head == "triplet" || o.head == "multi-similarity";
}

void check_head(const TrainOptions& o) {
  check(o.margin_rare == 0 || o.margin_rare >= o.margin,
        "train: want --margin-rare at least --margin ", o.margin, ", got ", o.margin_rare);
  check(o.m_per_class >= 0 && (o.m_per_class == 0 || o.batch_size % o.m_per_class == 0),
        "train: want --batch-size a multiple of --m-per-class ", o.m_per_class, ", got ",
        o.batch_size);
  const bool pairs = compares_pairs(o);
  check(!pairs || o.m_per_class > 1, "train: want --m-per-class > 1 with --head ", o.head,
        ", which compares photos of one product, got ", o.m_per_class);
  check(!pairs || o.val_metric != "gap", "train: want --val-metric retrieval with --head ", o.head,
        ", which has no classes, got gap");
  check(!pairs || (o.smoothing == 0 && o.class_weights == "none"),
        "train: want --smoothing 0 and --class-weights none with --head ", o.head,
        ", which has no classes, got ", o.smoothing, " and ", o.class_weights);
  const bool cosines = o.head == "arcface" || o.head == "cosface" || o.head == "adaface";
  check(o.margin_rare == 0 || o.head == "arcface" || o.head == "cosface",
        "train: want --margin-rare with --head arcface or cosface, got --head ", o.head);
  check(cosines || (o.subcenters == 1 && o.sample_rate == 1),
        "train: want --subcenters and --sample-rate with --head arcface, cosface or adaface, got "
        "--head ",
        o.head);
  check(o.sample_rate > 0 && o.sample_rate <= 1,
        "train: want --sample-rate above 0 and at most 1, got ", o.sample_rate);
  check(o.mixup >= 0 && o.mixup <= 1, "train: want --mixup between 0 and 1, got ", o.mixup);
  check(o.mixup == 0 || (!pairs && o.teacher.empty()), "train: want --mixup 0 with --head ", o.head,
        o.teacher.empty() ? "" : " and --teacher", ", which know no photo between two, got ",
        o.mixup);
}

// Nothing in a step depends on the host, and every batch takes the same kernels.
bool repeats_its_step(const TrainOptions& o) {
  return o.device == "cuda" && o.grad_accum_steps == 1 && o.mixup == 0 && o.teacher.empty() &&
         o.sample_rate == 1 && !compares_pairs(o) &&
         (o.smoothing == 0 || o.class_weights == "none");
}

void check_device(const TrainOptions& o) {
  check(
      o.cuda_graphs != "on" || repeats_its_step(o),
      "train: want --cuda-graphs on with --device cuda and a --head of classes, without "
      "--grad-accum-steps, --mixup, --teacher, --sample-rate, or --smoothing of weighted classes, "
      "as each step has to be the same");
  if (o.device == "cuda" && !torch::cuda::is_available())
    throw Error(
        ErrorCode::kUnsupported, "train: want --device cuda, but this LibTorch sees no CUDA device",
        "use --device cpu, or install the CUDA build of the same torch version and a driver");
}

}  // namespace

void check_options(const TrainOptions& o) {
  check(!o.data.empty(), "train: want --data, got none");
  check(!o.out.empty(), "train: want --out, got none");
  check_numbers(o);
  check_schedule(o);
  check_folds(o);
  check_head(o);
  check_device(o);
}

TrainOptions resolved(TrainOptions o) {
  if (o.amp == "auto")
    o.amp = o.device == "cuda" || __builtin_cpu_supports("avx512bf16") ? "bf16" : "fp32";
  if (o.cuda_graphs == "auto")
    o.cuda_graphs = StepGraph::is_supported() && repeats_its_step(o) ? "on" : "off";
  if (o.pool == "auto") o.pool = find_backbone(o.arch).default_pool("gem");
  return o;
}

}  // namespace shoplens
