// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "image/augment.h"
#include "image/preprocess.h"

namespace shoplens {

/// Everything `shoplens train` can be told; names follow timm's where timm has one.
struct TrainOptions {
  std::string recipe, data, val, out;
  int folds = 0;
  std::string fold = "all", group_column;
  bool resume = false;
  int stop_epoch = 0;

  std::string arch = "mobilenetv2_100", weights;
  std::string pool = "auto";
  int dim = 512;
  double drop_path = 0;
  std::string head = "arcface";
  double scale = 30, margin = 0.3, margin_rare = 0;
  int subcenters = 1;
  double sample_rate = 1;
  double smoothing = 0, mixup = 0;
  std::string class_weights = "none";
  std::string teacher;
  double teacher_weight = 10;

  PreprocessingOptions preprocessing{.img_size = 0, .fit = "squash"};
  AugmentOptions augment;

  int epochs = 10, batch_size = 32, m_per_class = 0, grad_accum_steps = 1;
  std::string opt = "adamw";
  double lr = 3e-4, head_lr_scale = 10, momentum = 0.9, weight_decay = 0.02;
  bool decay_norms = false;
  std::string sched = "cosine";
  double warmup_epochs = 1, warmup_lr = 0, min_lr = 0;
  double clip_grad = 0;
  std::string clip_mode = "norm";
  bool model_ema = false;
  double model_ema_decay = 0.999;
  int swa_epochs = 0;

  std::string device = "cpu", amp = "auto", channels_last = "auto";
  std::string cuda_graphs = "auto", cudnn_benchmark = "on";
  int threads = 0, workers = 0, prefetch = 4, cache_mb = 2048;
  std::int64_t seed = 42;
  double checkpoint_minutes = 10;
  int val_interval = 1;
  std::string val_metric = "retrieval";
  bool val_hflip = false;

  template <class V>
  void visit(V& v) {
    v(recipe, "recipe",
      "start from a shipped recipe (--list-recipes names them); flags and --config win");
    v(data, "data", "training photos: CSV with path,label or a folder per class");
    v(val, "val", "validation photos, the same way; without it the last epoch is the best");
    v(out, "out", "run folder to make");
    v(folds, "folds",
      "split the training photos into this many folds, as scikit-learn's StratifiedKFold; 0: no "
      "split");
    v(fold, "fold",
      "train without this fold, 0 .. folds - 1, which validates unless --val does; all: each in "
      "turn");
    v(group_column, "group-column",
      "column whose equal values stay in one fold: a shop, a burst of photos");
    v(resume, "resume", "go on with the run in --out, exactly as it would have gone on");
    v(stop_epoch, "stop-epoch", "leave the run, resumable, after this many epochs; 0: at the end");
    v(arch, "arch", "backbone, by timm's name");
    v(weights, "weights",
      "backbone's weights to start from: safetensors or a PyTorch checkpoint, with timm's names; "
      "empty: random");
    v(pool, "pool",
      "pooling of the feature map; token: a vision transformer's class token; auto: that where "
      "there "
      "is one, else gem",
      {"auto", "gem", "avg", "token"});
    v(dim, "dim", "length of an embedding");
    v(drop_path, "drop-path", "stochastic depth of the last block");
    v(head, "head", "training head and loss",
      {"arcface", "cosface", "adaface", "softmax", "triplet", "multi-similarity"});
    v(scale, "scale", "arcface, cosface, adaface: s");
    v(margin, "margin",
      "m: arcface, of the angle, radians; cosface, adaface, of the cosine; triplet, of the "
      "distance");
    v(margin_rare, "margin-rare",
      "arcface, cosface: margin of the product with fewest photos, the others' between; 0: one for "
      "all");
    v(subcenters, "subcenters", "arcface, cosface, adaface: centres a product");
    v(sample_rate, "sample-rate",
      "arcface, cosface, adaface: share of the products that a step compares with (Partial FC), "
      "for very many");
    v(smoothing, "smoothing", "label smoothing");
    v(mixup, "mixup", "alpha of mixing two photos of a batch; 0: off");
    v(class_weights, "class-weights",
      "weight of a product in the loss; log: 1 / log(1 + photos), mean 1", {"none", "log"});
    v(teacher, "teacher",
      "learn from these embeddings of the training photos too: a .npy with its .csv, as `shoplens "
      "embed` and `distill` write them");
    v(teacher_weight, "teacher-weight",
      "weight of 1 - cosine to the teacher beside the head's loss");
    preprocessing.visit(v);
    augment.visit(v);
    v(epochs, "epochs", "passes over the training photos");
    v(batch_size, "batch-size", "photos a forward pass");
    v(m_per_class, "m-per-class",
      "photos of one product side by side in a batch, which pair losses need; 0: plain shuffling");
    v(grad_accum_steps, "grad-accum-steps", "forward passes an optimiser step");
    v(opt, "opt", "optimiser; sgd is with Nesterov momentum", {"adamw", "sgd"});
    v(lr, "lr", "peak learning rate of the backbone");
    v(head_lr_scale, "head-lr-scale",
      "rate of pooling, neck and head as a multiple of the backbone's");
    v(momentum, "momentum", "of sgd");
    v(weight_decay, "weight-decay", "decoupled for adamw, L2 for sgd");
    v(decay_norms, "decay-norms", "apply weight decay to norms, biases and other vectors too");
    v(sched, "sched", "learning rate; lotte: the contest winner's, a rate an epoch, the first 0",
      {"cosine", "lotte"});
    v(warmup_epochs, "warmup-epochs", "the rate rises linearly, step by step, for this long");
    v(warmup_lr, "warmup-lr", "where it starts");
    v(min_lr, "min-lr", "where the cosine ends");
    v(clip_grad, "clip-grad", "clip gradients; 0: no clipping");
    v(clip_mode, "clip-mode",
      "norm: to this joint norm; agc: each unit to this share of its weights' norm",
      {"norm", "agc"});
    v(model_ema, "model-ema", "validate and export an exponential moving average of the weights");
    v(model_ema_decay, "model-ema-decay", "its decay a step");
    v(swa_epochs, "swa-epochs",
      "stay at --min-lr for the last so many epochs and validate the mean of their weights; the "
      "epoch that validates best is exported, be it one of these or one before; 0: off");
    v(device, "device", "where to train", {"cpu", "cuda"});
    v(amp, "amp",
      "precision of the forward and backward pass; weights stay float32, but for fp64, which is "
      "for comparing; auto: bf16 where the processor has it",
      {"auto", "bf16", "fp32", "fp64"});
    v(channels_last, "channels-last",
      "memory format; auto: what measured faster for the backbone and --amp",
      {"auto", "on", "off"});
    v(cuda_graphs, "cuda-graphs",
      "on cuda, record a step once and replay it, as launching kernels takes longer than small "
      "batches, and keep a step's memory for it; for steps of one batch, without --mixup, "
      "--teacher, --sample-rate, --smoothing of weighted classes and the heads of pairs; auto: "
      "wherever that holds and the build has the CUDA runtime",
      {"auto", "on", "off"});
    v(cudnn_benchmark, "cudnn-benchmark",
      "on cuda, try at the first step which kernel is fastest for each layer, which takes its "
      "time: off for short runs",
      {"on", "off"});
    v(threads, "threads", "of the network; 0: the cores");
    v(workers, "workers", "threads that load photos; 0: the cores");
    v(prefetch, "prefetch", "batches loaded ahead");
    v(cache_mb, "cache-mb", "memory for decoded photos, MiB; the rest is decoded every epoch");
    v(seed, "seed", "of weights, order and augmentation");
    v(checkpoint_minutes, "checkpoint-minutes",
      "a checkpoint also within an epoch, after so many minutes, as power cuts do not announce "
      "themselves; 0: after every step");
    v(val_interval, "val-interval", "validate every so many epochs, and after the last");
    v(val_metric, "val-metric",
      "what the best epoch is best by: R@1 among the training photos, or GAP of the head's classes",
      {"retrieval", "gap"});
    v(val_hflip, "val-hflip", "validate with flip TTA");
  }
};

/// Throws kBadInput that names the flag when options are out of range, contradict each other or
/// would do nothing beside the others, and kUnsupported when the device is not there.
void check_options(const TrainOptions& options);

/// What `auto` stands for on this machine, spelled out for the run's record: on a processor that
/// has no bf16 instructions PyTorch makes do, and a step takes ten times as long as in fp32.
TrainOptions resolved(TrainOptions options);

}  // namespace shoplens
