// SPDX-License-Identifier: Apache-2.0
#include "train/options.h"

#include <torch/cuda.h>

#include "core/error.h"
#include "core/threads.h"
#include "models/backbone.h"

namespace shoplens {

void check_options(const TrainOptions& o) {
  check(!o.data.empty(), "train: want --data, got none");
  check(!o.out.empty(), "train: want --out, got none");
  check(o.epochs > 0, "train: want --epochs > 0, got ", o.epochs);
  check(o.batch_size > 1, "train: want --batch-size > 1 (batch norm needs two photos), got ",
        o.batch_size);
  check(o.grad_accum_steps > 0, "train: want --grad-accum-steps > 0, got ", o.grad_accum_steps);
  check(o.threads >= 0 && o.threads <= kMaxThreads && o.workers >= 0 && o.workers <= kMaxThreads,
        "train: want --threads and --workers of 0 to ", kMaxThreads, ", got ", o.threads, " and ",
        o.workers);
  check(o.preprocessing.img_size >= 0, "train: want --img-size of at least 0, got ",
        o.preprocessing.img_size);
  check(o.lr > 0, "train: want --lr > 0, got ", o.lr);
  check(o.dim > 0, "train: want --dim > 0, got ", o.dim);
  check(o.warmup_epochs >= 0 && o.warmup_epochs < o.epochs,
        "train: want 0 <= --warmup-epochs < --epochs, got ", o.warmup_epochs);
  check(o.val_interval > 0, "train: want --val-interval > 0, got ", o.val_interval);
  check(o.margin_rare == 0 || o.margin_rare >= o.margin,
        "train: want --margin-rare at least --margin ", o.margin, ", got ", o.margin_rare);
  check(o.m_per_class >= 0 && (o.m_per_class == 0 || o.batch_size % o.m_per_class == 0),
        "train: want --batch-size a multiple of --m-per-class ", o.m_per_class, ", got ",
        o.batch_size);
  const bool pairs = o.head == "triplet" || o.head == "multi-similarity";
  check(!pairs || o.m_per_class > 1, "train: want --m-per-class > 1 with --head ", o.head,
        ", which compares photos of one product, got ", o.m_per_class);
  check(!pairs || o.val_metric != "gap", "train: want --val-metric retrieval with --head ", o.head,
        ", which has no classes, got gap");
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
  check(o.swa_epochs >= 0 && o.swa_epochs + o.warmup_epochs < o.epochs,
        "train: want --swa-epochs + --warmup-epochs < --epochs, got ", o.swa_epochs);
  check(o.swa_epochs == 0 || (o.min_lr > 0 && o.sched == "cosine" && !o.model_ema),
        "train: want --min-lr > 0, --sched cosine and no --model-ema with --swa-epochs, got "
        "--min-lr ",
        o.min_lr, ", --sched ", o.sched, ", --model-ema ", o.model_ema ? "true" : "false");
  check(o.folds == 0 || o.folds > 1, "train: want --folds > 1, or 0 for none, got ", o.folds);
  check(o.teacher_weight >= 0, "train: want --teacher-weight of at least 0, got ",
        o.teacher_weight);
  check(o.group_column.empty() || o.folds > 0, "train: want --folds with --group-column, got none");
  check(
      !o.cuda_graphs ||
          (o.device == "cuda" && o.grad_accum_steps == 1 && o.mixup == 0 && o.teacher.empty() &&
           o.sample_rate == 1 && !pairs && (o.smoothing == 0 || o.class_weights == "none")),
      "train: want --cuda-graphs with --device cuda and a --head of classes, without "
      "--grad-accum-steps, --mixup, --teacher, --sample-rate, or --smoothing of weighted classes, "
      "as each step has to be the same");
  if (o.device == "cuda" && !torch::cuda::is_available())
    throw Error(
        ErrorCode::kUnsupported, "train: want --device cuda, but this LibTorch sees no CUDA device",
        "use --device cpu, or install the CUDA build of the same torch version and a driver");
}

TrainOptions resolved(TrainOptions o) {
  if (o.amp == "auto")
    o.amp = o.device == "cuda" || __builtin_cpu_supports("avx512bf16") ? "bf16" : "fp32";
  if (o.pool == "auto") o.pool = find_backbone(o.arch).default_pool("gem");
  return o;
}

}  // namespace shoplens
