// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "image/augment.h"

namespace shoplens {

/// Everything `shoplens train` can be told; names follow timm's where timm has one.
struct TrainOptions {
  std::string data, val, out;
  bool resume = false;
  int stop_epoch = 0;

  std::string arch = "mobilenetv2_100", weights;
  std::string pool = "gem";
  int dim = 512;
  double drop_path = 0;
  std::string head = "arcface";
  double scale = 30, margin = 0.3;
  double smoothing = 0;

  int img_size = 0;
  std::string fit = "squash", interpolation;
  AugmentOptions augment;

  int epochs = 10, batch_size = 32, grad_accum_steps = 1;
  std::string opt = "adamw";
  double lr = 3e-4, head_lr_scale = 10, momentum = 0.9, weight_decay = 0.02;
  bool decay_norms = false;
  double warmup_epochs = 1, warmup_lr = 0, min_lr = 0;
  double clip_grad = 0;
  bool model_ema = false;
  double model_ema_decay = 0.999;

  std::string device = "cpu", amp = "bf16", channels_last = "auto";
  int threads = 0, workers = 0, prefetch = 4, cache_mb = 2048;
  std::int64_t seed = 42;
  int val_interval = 1;
  bool val_hflip = false;

  template <class V>
  void visit(V& v) {
    v(data, "data", "training photos: CSV with path,label or a folder per class");
    v(val, "val", "validation photos, the same way; without it the last epoch is the best");
    v(out, "out", "run folder to make");
    v(resume, "resume", "go on with the run in --out, exactly as it would have gone on");
    v(stop_epoch, "stop-epoch", "leave the run, resumable, after this many epochs; 0: at the end");
    v(arch, "arch", "backbone, by timm's name");
    v(weights, "weights", "backbone's weights to start from: safetensors with timm's names; empty: random");
    v(pool, "pool", "pooling of the feature map", {"gem", "avg"});
    v(dim, "dim", "length of an embedding");
    v(drop_path, "drop-path", "stochastic depth of the last block");
    v(head, "head", "training head and loss", {"arcface", "softmax"});
    v(scale, "scale", "ArcFace: s");
    v(margin, "margin", "ArcFace: m, radians");
    v(smoothing, "smoothing", "label smoothing");
    v(img_size, "img-size", "side of the network's input, pixels; 0: the backbone's own");
    v(fit, "fit", "how a photo is brought to that size", {"squash", "crop", "letterbox"});
    v(interpolation, "interpolation", "resize filter; empty: the backbone's own", {"", "bilinear", "bicubic"});
    augment.visit(v);
    v(epochs, "epochs", "passes over the training photos");
    v(batch_size, "batch-size", "photos a forward pass");
    v(grad_accum_steps, "grad-accum-steps", "forward passes an optimiser step");
    v(opt, "opt", "optimiser; sgd is with Nesterov momentum", {"adamw", "sgd"});
    v(lr, "lr", "peak learning rate of the backbone");
    v(head_lr_scale, "head-lr-scale", "rate of pooling, neck and head as a multiple of the backbone's");
    v(momentum, "momentum", "of sgd");
    v(weight_decay, "weight-decay", "decoupled for adamw, L2 for sgd");
    v(decay_norms, "decay-norms", "apply weight decay to norms, biases and other vectors too");
    v(warmup_epochs, "warmup-epochs", "the rate rises linearly, step by step, for this long");
    v(warmup_lr, "warmup-lr", "where it starts");
    v(min_lr, "min-lr", "where the cosine ends");
    v(clip_grad, "clip-grad", "largest gradient norm; 0: no clipping");
    v(model_ema, "model-ema", "validate and export an exponential moving average of the weights");
    v(model_ema_decay, "model-ema-decay", "its decay a step");
    v(device, "device", "where to train", {"cpu", "cuda"});
    v(amp, "amp", "precision of the forward and backward pass; weights stay float32", {"bf16", "fp32"});
    v(channels_last, "channels-last", "memory format; auto: what measured faster for the backbone",
      {"auto", "on", "off"});
    v(threads, "threads", "of the network; 0: the cores");
    v(workers, "workers", "threads that load photos; 0: the cores");
    v(prefetch, "prefetch", "batches loaded ahead");
    v(cache_mb, "cache-mb", "memory for decoded photos, MiB; the rest is decoded every epoch");
    v(seed, "seed", "of weights, order and augmentation");
    v(val_interval, "val-interval", "validate every so many epochs, and after the last");
    v(val_hflip, "val-hflip", "validate with flip TTA");
  }
};

}  // namespace shoplens
