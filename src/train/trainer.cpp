// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>

#include "core/hash.h"
#include "core/log.h"
#include "core/threads.h"
#include "data/sampler.h"
#include "models/load_backbone.h"
#include "train/autocast.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check_options(const TrainOptions& o) {
  check(!o.data.empty(), "train: want --data, got none");
  check(!o.out.empty(), "train: want --out, got none");
  check(o.epochs > 0, "train: want --epochs > 0, got ", o.epochs);
  check(o.batch_size > 1, "train: want --batch-size > 1 (batch norm needs two photos), got ", o.batch_size);
  check(o.grad_accum_steps > 0, "train: want --grad-accum-steps > 0, got ", o.grad_accum_steps);
  check(o.lr > 0, "train: want --lr > 0, got ", o.lr);
  check(o.dim > 0, "train: want --dim > 0, got ", o.dim);
  check(o.warmup_epochs >= 0 && o.warmup_epochs < o.epochs, "train: want 0 <= --warmup-epochs < --epochs, got ",
        o.warmup_epochs);
  check(o.val_interval > 0, "train: want --val-interval > 0, got ", o.val_interval);
  if (o.device == "cuda" && !torch::cuda::is_available())
    throw Error(ErrorCode::kUnsupported, "train: want --device cuda, but this LibTorch sees no CUDA device",
                "use --device cpu, or install the CUDA build of the same torch version and a driver");
}

Preprocessing preprocessing_for(const TrainOptions& o) {
  const BackboneEntry& entry = find_backbone(o.arch);
  Preprocessing p = entry.preprocessing;
  p.size = o.img_size > 0 ? o.img_size : entry.train_size;
  p.fit = fit_from_string(o.fit);
  if (!o.interpolation.empty()) p.interpolation = interpolation_from_string(o.interpolation);
  return p;
}

// What a run was trained on: the rows of the manifest and the sizes of its files.
std::string hash_of_data(const Manifest& manifest) {
  Sha256 hash;
  for (std::size_t i = 0; i < manifest.size(); ++i) {
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(manifest.paths[i], missing);
    hash.update(join(manifest.names[i], '\t', manifest.labels[i], '\t', missing ? 0 : bytes, '\n'));
  }
  return hash.hex();
}

void append(NamedTensors& all, const std::string& prefix, const NamedTensors& more) {
  for (const auto& [name, tensor] : more) all.emplace_back(prefix + name, tensor.detach());
}

NamedTensors parameters_of(const torch::nn::Module& module) {
  NamedTensors all;
  for (const auto& item : module.named_parameters()) all.emplace_back(item.key(), item.value());
  return all;
}

at::Generator generator(const torch::Device& device) { return at::globalContext().defaultGenerator(device); }

// Convolution weights in the format the input has, so that no step converts them.
void to_channels_last(torch::nn::Module& module) {
  for (torch::Tensor& p : module.parameters())
    if (p.dim() == 4) p.set_data(p.detach().contiguous(torch::MemoryFormat::ChannelsLast));
}

}  // namespace

Trainer::Trainer(const TrainOptions& options, const std::atomic<bool>& interrupted)
    : options_(options), interrupted_(interrupted), data_((check_options(options), read_manifest(options.data))),
      labels_(number_labels(data_.labels)), preprocessing_(preprocessing_for(options)) {
  if (!options_.val.empty()) val_ = read_manifest(options_.val);
  for (const std::string& label : val_.labels) {
    const auto found = std::lower_bound(labels_.names.begin(), labels_.names.end(), label);
    const bool known = found != labels_.names.end() && *found == label;
    val_labels_.push_back(known ? found - labels_.names.begin() : -1);
  }
  const std::int64_t cache = std::int64_t{options_.cache_mb} << 20;
  photos_ = std::make_unique<Photos>(data_.paths, preprocessing_, options_.augment, cache);
  val_photos_ = std::make_unique<Photos>(val_.paths, preprocessing_, options_.augment, cache / 8);

  const int cores = available_cores();
  at::set_num_threads(options_.threads > 0 ? options_.threads : cores);
  loading_ = {.batch_size = static_cast<int>(std::min<std::int64_t>(options_.batch_size, photos_->size())),
              .threads = options_.workers > 0 ? options_.workers : cores,
              .prefetch = options_.prefetch};
  batches_per_epoch_ = photos_->size() / loading_.batch_size;
  const auto steps_per_epoch = (batches_per_epoch_ + options_.grad_accum_steps - 1) / options_.grad_accum_steps;
  schedule_ = {options_.lr, options_.warmup_lr, options_.min_lr,
               std::llround(options_.warmup_epochs * static_cast<double>(steps_per_epoch)),
               steps_per_epoch * options_.epochs};

  build_model();
  build_optimizer();
  if (options_.resume) {
    folder_ = RunFolder::open(options_.out);
    if (folder_->has_checkpoint()) {
      auto tensors = checkpoint_tensors();
      state_ = folder_->load_checkpoint(tensors);
      for (const auto& [name, tensor] : tensors)
        if (name == "rng") generator(execution_.device).set_state(tensor);
    }
  } else {
    folder_ = RunFolder::create(options_.out, options_, hash_of_data(data_));
  }
  log_to_file(folder_->path() / "log.txt");
  log_info(options_.arch, " on ", photos_->size(), " photos of ", labels_.names.size(), " products, ",
           val_photos_->size(), " to validate, ", options_.amp, " on ", options_.device,
           state_.step > 0 ? join(", resumed at epoch ", state_.epoch, " batch ", state_.batch) : "");
}

void Trainer::build_model() {
  const BackboneEntry& entry = find_backbone(options_.arch);
  execution_ = {.device = torch::Device(options_.device),
                .bf16 = options_.amp == "bf16",
                .channels_last = options_.channels_last == "auto" ? entry.channels_last : options_.channels_last == "on"};
  torch::manual_seed(static_cast<std::uint64_t>(options_.seed));
  model_ = std::make_shared<EmbeddingModel>(EmbeddingModelOptions{
      .arch = options_.arch, .pool = options_.pool, .dim = options_.dim, .drop_path_rate = options_.drop_path});
  head_ = make_head({.name = options_.head, .dim = model_->dim(), .classes = static_cast<int>(labels_.names.size()),
                     .scale = options_.scale, .margin = options_.margin});
  if (!options_.weights.empty() && !options_.resume)
    load_backbone(model_->backbone(), entry, options_.weights);
  model_->to(execution_.device);
  head_->to(execution_.device);
  if (execution_.channels_last) to_channels_last(*model_);
}

void Trainer::build_optimizer() {
  NamedTensors backbone = parameters_of(model_->backbone()), rest;
  std::set<const void*> in_backbone;
  for (const auto& [name, parameter] : backbone) in_backbone.insert(parameter.unsafeGetTensorImpl());
  for (const auto& [name, parameter] : parameters_of(*model_))
    if (!in_backbone.count(parameter.unsafeGetTensorImpl())) rest.emplace_back(name, parameter);
  for (const auto& [name, parameter] : parameters_of(*head_)) rest.emplace_back("head." + name, parameter);

  // Each part once with and once without decay: vectors (norms, biases, GeM's p, gains) usually go without.
  std::vector<ParameterGroup> groups;
  for (const auto& [parameters, lr_scale] : {std::pair{backbone, 1.0}, {rest, options_.head_lr_scale}}) {
    ParameterGroup matrices{{}, lr_scale, options_.weight_decay};
    ParameterGroup vectors{{}, lr_scale, options_.decay_norms ? options_.weight_decay : 0};
    for (const auto& item : parameters) (item.second.dim() > 1 ? matrices : vectors).parameters.push_back(item);
    groups.push_back(std::move(matrices));
    groups.push_back(std::move(vectors));
  }
  optimizer_ = options_.opt == "sgd" ? make_sgd(std::move(groups), options_.momentum) : make_adamw(std::move(groups));
  if (options_.model_ema) ema_.emplace(model_->state(), options_.model_ema_decay);
}

NamedTensors Trainer::checkpoint_tensors() {
  NamedTensors all;
  append(all, "model.", model_->state());
  append(all, "head.", parameters_of(*head_));
  append(all, "optimizer.", optimizer_->state());
  if (ema_) append(all, "ema.", ema_->averages());
  all.emplace_back("rng", generator(execution_.device).get_state());
  return all;
}

void Trainer::save_checkpoint() { folder_->save_checkpoint(state_, checkpoint_tensors()); }

RunEnd Trainer::run() {
  while (state_.epoch < options_.epochs) {
    if (options_.stop_epoch > 0 && state_.epoch >= options_.stop_epoch) return RunEnd::kStopEpoch;
    if (!train_epoch()) return RunEnd::kInterrupted;
  }
  return RunEnd::kDone;
}

bool Trainer::train_epoch() {
  const auto start = Clock::now();
  const std::int64_t first_batch = state_.batch;
  const auto seed = static_cast<std::uint64_t>(options_.seed), epoch = static_cast<std::uint64_t>(state_.epoch);
  auto order = shuffled_order(photos_->size(), seed, epoch);
  order.erase(order.begin(), order.begin() + first_batch * loading_.batch_size);
  LoaderOptions loading = loading_;
  loading.drop_last = true;
  Loader loader(std::move(order), photos_->floats_per_sample(),
                [&](std::int64_t sample, float* out) {
                  photos_->load_train(sample, Random{seed, epoch, static_cast<std::uint64_t>(sample)}, out);
                },
                loading);
  Progress progress(join("epoch ", state_.epoch + 1, "/", options_.epochs),
                    (batches_per_epoch_ - first_batch) * loading_.batch_size);
  const std::int64_t accumulate = options_.grad_accum_steps;
  model_->train();
  while (auto batch = loader.next()) {
    report_unreadable(*photos_, batch->errors);
    const std::int64_t group_start = state_.batch - state_.batch % accumulate;
    const std::int64_t group_size = std::min(accumulate, batches_per_epoch_ - group_start);
    if (batch->samples.size() > 1) train_batch(*batch, group_size);  // batch norm cannot train on one photo
    ++state_.batch;
    if (state_.batch == group_start + group_size) update();
    progress.advance(loading_.batch_size);
    loader.recycle(std::move(*batch));
    if (interrupted_ && state_.batch % accumulate == 0) {
      save_checkpoint();
      log_info("interrupted at epoch ", state_.epoch + 1, " batch ", state_.batch, "; --resume goes on from there");
      return false;
    }
  }
  finish_epoch(seconds_since(start), loader.wait_seconds(), (state_.batch - first_batch) * loading_.batch_size);
  return true;
}

void Trainer::train_batch(Batch& batch, std::int64_t group_size) {
  std::vector<std::int64_t> numbers;
  for (const std::int64_t sample : batch.samples) numbers.push_back(labels_.of_row[sample]);
  const torch::Tensor labels = torch::tensor(numbers, torch::kLong).to(execution_.device);  // [N]
  torch::Tensor loss;
  {
    const Autocast autocast(execution_.device.type(), execution_.bf16);
    const torch::Tensor x = to_input(batch.data, preprocessing_.size, execution_);
    loss = head_->loss(model_->forward(x), labels, {.label_smoothing = options_.smoothing});
  }
  const double value = loss.item<double>();
  if (!std::isfinite(value)) {
    std::string files;
    for (const std::int64_t sample : batch.samples) files += "\n  " + photos_->path(sample).string();
    throw Error(ErrorCode::kInternal,
                join("the loss is ", value, " at epoch ", state_.epoch + 1, ", step ", state_.step, ", with the photos:", files),
                "the last checkpoint is kept; a new run with a lower --lr, --clip-grad 1 or --amp fp32 may go well");
  }
  state_.loss_sum += value;
  (group_size > 1 ? loss / static_cast<double>(group_size) : loss).backward();
}

void Trainer::update() {
  if (options_.clip_grad > 0) optimizer_->clip_grad_norm(options_.clip_grad);
  optimizer_->step(schedule_(state_.step++));
  optimizer_->zero_grad();
  if (ema_) ema_->update();
}

RetrievalMetrics Trainer::validate_epoch() {
  const auto embed = [&](const Photos& photos) {
    return embed_photos(*model_, photos, preprocessing_.size, options_.val_hflip, execution_, loading_,
                        [&](const auto& errors) { report_unreadable(photos, errors); });
  };
  const Embeddings gallery = embed(*photos_), queries = embed(*val_photos_);
  return validate(queries, val_labels_, gallery, labels_.of_row, model_->dim(), at::get_num_threads());
}

void Trainer::finish_epoch(double seconds, double wait_seconds, std::int64_t photos) {
  EpochSummary row{.epoch = ++state_.epoch,
                   .train_loss = state_.loss_sum / static_cast<double>(std::max<std::int64_t>(state_.batch, 1)),
                   .lr = schedule_(std::max<std::int64_t>(state_.step - 1, 0)),
                   .images_per_second = static_cast<double>(photos) / seconds,
                   .wait_share = wait_seconds / seconds,
                   .seconds = seconds};
  state_.batch = 0;
  state_.loss_sum = 0;
  const bool last = state_.epoch == options_.epochs;
  std::ostringstream line;
  line << std::fixed << "epoch " << row.epoch << "/" << options_.epochs << "  loss " << std::setprecision(3)
       << row.train_loss << "  lr " << std::scientific << std::setprecision(2) << row.lr << std::fixed << "  "
       << std::setprecision(1) << row.images_per_second << " images/s  waited " << 100 * row.wait_share << "%";
  if (ema_) ema_->swap();
  if (val_photos_->size() > 0 && (last || state_.epoch % options_.val_interval == 0)) {
    const RetrievalMetrics m = validate_epoch();
    row.recall_at_1 = m.recall_at_1, row.recall_at_5 = m.recall_at_5, row.map = m.map;
    line << "  R@1 " << 100 * m.recall_at_1 << "  R@5 " << 100 * m.recall_at_5 << "  mAP " << 100 * m.map;
    if (m.recall_at_1 > state_.best_recall) {
      line << "  best";
      keep_best(m.recall_at_1);
    }
  } else if (val_photos_->size() == 0) {
    keep_best(-1);
  }
  if (ema_) ema_->swap();
  save_checkpoint();
  folder_->add_summary(row);
  log_info(line.str());
}

void Trainer::keep_best(double recall) {
  state_.best_recall = recall;
  state_.best_epoch = state_.epoch;
  folder_->save_best({.info = {.arch = options_.arch,
                               .dim = model_->dim(),
                               .preprocessing = preprocessing_,
                               .labels_hash = labels_hash(labels_.names),
                               .fingerprint = {}},
                      .pool = options_.pool,
                      .tensors = model_->state()},
                     state_);
}

void Trainer::report_unreadable(const Photos& photos, const std::vector<SampleError>& errors) {
  for (const SampleError& e : errors)
    if (unreadable_.insert(photos.path(e.sample)).second) log_warning("left out: ", e.error.what());
  const auto all = photos_->size() + val_photos_->size();
  if (static_cast<double>(unreadable_.size()) > 0.05 * static_cast<double>(all))
    throw Error(ErrorCode::kBadInput,
                join("train: want at most 5% unreadable photos, got ", unreadable_.size(), " of ", all, " (",
                     options_.data, ")"),
                "the warnings above name them; repair them or take them out of the list");
}

}  // namespace shoplens
