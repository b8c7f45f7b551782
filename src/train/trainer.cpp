// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <utility>

#include "core/log.h"
#include "core/threads.h"
#include "data/sampler.h"
#include "losses/distillation.h"
#include "models/load_backbone.h"
#include "train/autocast.h"
#include "train/build.h"
#include "train/mixup.h"
#include "train/norm_statistics.h"
#include "train/parameter_groups.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMixupStream =
    1;  // beside the photos', which have two keys behind the seed

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void append(NamedTensors& all, const std::string& prefix, const NamedTensors& more) {
  for (const auto& [name, tensor] : more) all.emplace_back(prefix + name, tensor.detach());
}

at::Generator generator(const torch::Device& device) {
  return at::globalContext().defaultGenerator(device);
}

}  // namespace

Trainer::Trainer(const TrainOptions& options, const std::atomic<bool>& interrupted)
    : options_(resolved(options)),
      interrupted_(interrupted),
      data_((check_options(options_), read_training_data(options_))),
      preprocessing_(build_preprocessing(options_)),
      execution_(build_execution(options_)) {
  // Batch norm cannot train on one photo: every batch would be passed over.
  check(data_.train.size() > 1, "train: want at least 2 photos to train on in --data, got ",
        data_.train.size(), " (", options_.data, ")");
  const std::int64_t cache = std::int64_t{options_.cache_mb} << 20;
  photos_ = std::make_unique<Photos>(data_.train.paths, preprocessing_, options_.augment, cache);
  val_photos_ =
      std::make_unique<Photos>(data_.val.paths, preprocessing_, options_.augment, cache / 8);

  const int cores = available_cores();
  at::set_num_threads(options_.threads > 0 ? options_.threads : cores);
  at::globalContext().setAllowTF32CuDNN(false);  // --amp fp32 says float32, of 24 bits
  at::globalContext().setBenchmarkCuDNN(options_.cudnn_benchmark == "on");
  loading_ = {
      .batch_size = static_cast<int>(std::min<std::int64_t>(options_.batch_size, photos_->size())),
      .threads = options_.workers > 0 ? options_.workers : cores,
      .prefetch = options_.prefetch};
  if (execution_.device.is_cuda()) loading_.allocate = pinned_memory;
  batches_per_epoch_ = static_cast<std::int64_t>(epoch_order(0).size()) / loading_.batch_size;
  steps_per_epoch_ =
      (batches_per_epoch_ + options_.grad_accum_steps - 1) / options_.grad_accum_steps;
  schedule_ = {options_.lr, options_.warmup_lr, options_.min_lr,
               std::llround(options_.warmup_epochs * static_cast<double>(steps_per_epoch_)),
               steps_per_epoch_ * (options_.epochs - options_.swa_epochs)};

  check(batches_per_epoch_ > 0, "train: want photos for at least one batch an epoch, got ",
        photos_->size(), " (", options_.data, ")");

  model_ = build_model(options_, execution_);
  head_ = build_head(options_, model_->dim(), data_.labels, execution_);
  loss_options_ = build_loss_options(options_, data_.listed, execution_);
  if (data_.teacher_dim > 0) {
    check(data_.teacher_dim == model_->dim(), "train: want --dim ", data_.teacher_dim,
          " as the teacher's embeddings have, got ", model_->dim());
    teacher_ = torch::tensor(data_.teacher).view({-1, data_.teacher_dim}).to(execution_.weights);
  }
  auto groups = parameter_groups(*model_, *head_, options_);
  optimizer_ = options_.opt == "sgd" ? make_sgd(std::move(groups), options_.momentum)
                                     : make_adamw(std::move(groups));
  if (options_.cuda_graphs == "on")
    graph_.emplace([this](const auto& x, const auto& labels) { return pass(x, labels, {}, 1); },
                   execution_.device);
  if (options_.model_ema || options_.swa_epochs > 0) {
    NamedTensors averaged;  // under their names in a checkpoint
    append(averaged, "average.", model_->state());
    append(averaged, "average_head.", state_of(*head_));
    average_.emplace(std::move(averaged));
  }
  if (options_.resume)
    resume();
  else
    folder_ = RunFolder::create(options_.out, options_, data_.hash);
  state_.data_hash = data_.hash;
  log_to_file(folder_->path() / "log.txt");
  log_info(
      options_.arch, " on ", photos_->size(), " photos of ", data_.labels.names.size(),
      " products, ", val_photos_->size(), " to validate, ", options_.amp, " on ", options_.device,
      state_.step > 0 ? join(", resumed at epoch ", state_.epoch, " batch ", state_.batch) : "");
}

NamedTensors Trainer::tensors() {
  NamedTensors all;
  append(all, "model.", model_->state());
  append(all, "head.", state_of(*head_));
  append(all, "optimizer.", optimizer_->state());
  if (average_) append(all, "", average_->averages());
  all.emplace_back("rng", generator(execution_.device).get_state());
  return all;
}

void Trainer::resume() {
  folder_ = RunFolder::open(options_.out);
  const auto check_photos = [&](const std::string& begun_with) {
    if (begun_with != data_.hash)
      throw Error(ErrorCode::kBadInput,
                  join("train: want the photos that the run in ", options_.out,
                       " was begun with, got others (", options_.data, ")"),
                  "bring back the list and its files as they were, or begin a new run");
  };
  if (!folder_->has_checkpoint()) return check_photos(folder_->data_hash().value_or(data_.hash));
  auto saved = tensors();
  state_ = folder_->load_checkpoint(saved);
  check_photos(state_.data_hash);
  for (const auto& [name, tensor] : saved)
    if (name == "rng") generator(execution_.device).set_state(tensor);
}

void Trainer::save_checkpoint() {
  folder_->save_checkpoint(state_, tensors());
  saved_ = Clock::now();
}

RunEnd Trainer::run() {
  while (state_.epoch < options_.epochs) {
    if (options_.stop_epoch > 0 && state_.epoch >= options_.stop_epoch) return RunEnd::kStopEpoch;
    if (!train_epoch()) return RunEnd::kInterrupted;
  }
  return RunEnd::kDone;
}

// Visits (number_visits), which without --m-per-class are the photos themselves.
std::vector<std::int64_t> Trainer::epoch_order(std::int64_t epoch) const {
  const auto seed = static_cast<std::uint64_t>(options_.seed);
  return options_.m_per_class > 0
             ? number_visits(
                   runs_of_label_order(data_.labels.of_row, options_.m_per_class, seed, epoch),
                   photos_->size())
             : shuffled_order(photos_->size(), seed, epoch);
}

double Trainer::learning_rate(std::int64_t step) const {
  return options_.sched == "lotte"
             ? lotte_rate(step / steps_per_epoch_, options_.lr, options_.epochs)
             : schedule_(step);
}

// Batches of photos augmented for the present epoch; their samples are visits.
DeviceBatches Trainer::train_batches(std::vector<std::int64_t> order) {
  LoaderOptions loading = loading_;
  loading.drop_last = true;
  const auto seed = static_cast<std::uint64_t>(options_.seed),
             epoch = static_cast<std::uint64_t>(state_.epoch);
  auto loader = std::make_unique<Loader>(
      std::move(order), photos_->floats_per_sample(),
      [this, seed, epoch](std::int64_t visit, float* out) {
        photos_->load_train(visit % photos_->size(),
                            Random{seed, epoch, static_cast<std::uint64_t>(visit)}, out);
      },
      loading);
  return {std::move(loader), preprocessing_.size, execution_};
}

bool Trainer::train_epoch() {
  const auto start = Clock::now();
  const std::int64_t first_batch = state_.batch;
  auto order = epoch_order(state_.epoch);
  order.erase(order.begin(), order.begin() + first_batch * loading_.batch_size);
  DeviceBatches batches = train_batches(std::move(order));
  Progress progress(join("epoch ", state_.epoch + 1, "/", options_.epochs),
                    (batches_per_epoch_ - first_batch) * loading_.batch_size);
  const std::int64_t accumulate = options_.grad_accum_steps;
  bool learnt = false;  // since the last step
  model_->train();
  while (auto item = batches.next()) {
    Batch& batch = item->batch;
    report_unreadable(*photos_, batch.errors);
    for (std::int64_t& sample : batch.samples) sample %= photos_->size();  // it was a visit
    const std::int64_t group_start = state_.batch - state_.batch % accumulate;
    const std::int64_t group_size = std::min(accumulate, batches_per_epoch_ - group_start);
    if (batch.samples.size() > 1) {  // batch norm cannot train on one photo
      train_batch(*item, group_size, batches);
      learnt = true;
    }
    ++state_.batch;
    if (state_.batch == group_start + group_size) {
      if (std::exchange(learnt, false)) update();
      ++state_.step;  // a step without a photo counts too: the schedule ends with the epochs
    }
    progress.advance(loading_.batch_size);
    batches.recycle(std::move(*item));
    if (state_.batch % accumulate != 0) continue;
    if (interrupted_ || seconds_since(saved_) >= 60 * options_.checkpoint_minutes)
      save_checkpoint();
    if (interrupted_) {
      log_info("interrupted at epoch ", state_.epoch + 1, " batch ", state_.batch,
               "; --resume goes on from there");
      return false;
    }
  }
  return finish_epoch(seconds_since(start), batches.wait_seconds(),
                      (state_.batch - first_batch) * loading_.batch_size);
}

void Trainer::train_batch(const DeviceBatches::Item& item, std::int64_t group_size,
                          DeviceBatches& batches) {
  const auto& [batch, x] = item;
  std::vector<std::int64_t> numbers;
  for (const std::int64_t sample : batch.samples) numbers.push_back(data_.labels.of_row[sample]);
  const torch::Tensor labels = to_device(torch::tensor(numbers, torch::kLong), execution_.device);
  const bool is_full = static_cast<int>(batch.samples.size()) == loading_.batch_size;
  // The graph's gradients stay where they are: what is not replayed adds to them.
  if (graph_ && graph_->is_recorded() && !is_full) optimizer_->zero_grad(/*in_place=*/true);
  const torch::Tensor loss =
      graph_ && is_full ? graph_->run(x, labels) : pass(x, labels, batch.samples, group_size);
  batches.copy_ahead();
  const double value = loss.item<double>();
  if (!std::isfinite(value)) {
    std::string files;
    for (const std::int64_t sample : batch.samples)
      files += "\n  " + photos_->path(sample).string();
    throw Error(ErrorCode::kInternal,
                join("the loss is ", value, " at epoch ", state_.epoch + 1, ", step ", state_.step,
                     ", with the photos:", files),
                "the last checkpoint is kept; a new run with a lower --lr, --clip-grad 1 or --amp "
                "fp32 may go well");
  }
  state_.loss_sum += value;
  if (on_pass) on_pass({batch.data, numbers, value, learning_rate(state_.step)});
}

torch::Tensor Trainer::pass(const torch::Tensor& input, const torch::Tensor& labels,
                            const std::vector<std::int64_t>& samples, std::int64_t group_size) {
  torch::Tensor loss;
  {
    const Autocast autocast(execution_.device.type(), execution_.bf16);
    torch::Tensor x = input;
    double share = 1;
    if (options_.mixup >
        0) {  // each photo with the one that lies as far from the batch's other end
      share =
          mixup_share(options_.mixup, Random{static_cast<std::uint64_t>(options_.seed),
                                             kMixupStream, static_cast<std::uint64_t>(state_.epoch),
                                             static_cast<std::uint64_t>(state_.batch)});
      x = share * x + (1 - share) * x.flip(0);
    }
    loss = loss_of(model_->forward(x), labels, samples, share);
  }
  (group_size > 1 ? loss / static_cast<double>(group_size) : loss).backward();
  return loss.detach();
}

torch::Tensor Trainer::loss_of(const torch::Tensor& embeddings, const torch::Tensor& labels,
                               const std::vector<std::int64_t>& samples, double share) {
  torch::Tensor loss = head_->loss(embeddings, labels, loss_options_);
  if (share < 1)
    loss = share * loss + (1 - share) * head_->loss(embeddings, labels.flip(0), loss_options_);
  if (!teacher_.defined()) return loss;
  const torch::Tensor rows = torch::tensor(samples);
  return loss + options_.teacher_weight *
                    distillation_loss(embeddings,
                                      to_device(teacher_.index_select(0, rows), execution_.device));
}

void Trainer::update() {
  if (options_.clip_grad > 0 && options_.clip_mode == "agc")
    optimizer_->adaptive_clip_grad(options_.clip_grad);
  else if (options_.clip_grad > 0)
    optimizer_->clip_grad_norm(options_.clip_grad);
  optimizer_->step(learning_rate(state_.step));
  if (!graph_ || !graph_->is_recorded()) optimizer_->zero_grad();
  if (options_.model_ema) average_->update(1 - options_.model_ema_decay);
}

std::optional<double> Trainer::validate_epoch(EpochSummary& row, std::ostream& line) {
  const bool by_classes = options_.val_metric == "gap";
  const auto embed = [&](const Photos& photos) {
    return embed_photos(
        *model_, photos, preprocessing_.size, options_.val_hflip,
        by_classes ? Length::kRaw : Length::kOne, execution_, loading_,
        [&](const auto& errors) { report_unreadable(photos, errors); }, interrupted_);
  };
  const Embeddings queries = embed(*val_photos_),
                   gallery = by_classes ? Embeddings{} : embed(*photos_);
  if (interrupted_) return std::nullopt;
  if (by_classes) {
    row.gap = validate_classes(queries, data_.val_labels, *head_, execution_.device);
    line << "  GAP " << std::setprecision(2) << 100 * row.gap;
    return row.gap;
  }
  const RetrievalMetrics m = validate(queries, data_.val_labels, gallery, data_.labels.of_row,
                                      model_->dim(), at::get_num_threads());
  row.recall_at_1 = m.recall_at_1, row.recall_at_5 = m.recall_at_5, row.map = m.map;
  line << "  R@1 " << 100 * m.recall_at_1 << "  R@5 " << 100 * m.recall_at_5 << "  mAP "
       << 100 * m.map;
  return m.recall_at_1;
}

int Trainer::averaged_epochs() const {
  return std::max(0, static_cast<int>(state_.epoch) - (options_.epochs - options_.swa_epochs));
}

bool Trainer::finish_epoch(double seconds, double wait_seconds, std::int64_t photos) {
  const bool last = state_.epoch + 1 == options_.epochs;
  const bool validates =
      val_photos_->size() > 0 && (last || (state_.epoch + 1) % options_.val_interval == 0);
  // Validation can take longer than who interrupts a run waits for it.
  if (validates) save_checkpoint();
  EpochSummary row{
      .epoch = ++state_.epoch,
      .train_loss = state_.loss_sum / static_cast<double>(std::max<std::int64_t>(state_.batch, 1)),
      .lr = learning_rate(std::max<std::int64_t>(state_.step - 1, 0)),
      .images_per_second = static_cast<double>(photos) / seconds,
      .wait_share = wait_seconds / seconds,
      .seconds = seconds};
  state_.batch = 0;
  state_.loss_sum = 0;
  std::ostringstream line;
  line << std::fixed << "epoch " << row.epoch << "/" << options_.epochs << "  loss "
       << std::setprecision(3) << row.train_loss << "  lr " << std::scientific
       << std::setprecision(2) << row.lr << std::fixed << "  " << std::setprecision(1)
       << row.images_per_second << " images/s  waited " << 100 * row.wait_share << "%";
  const int swa = averaged_epochs();
  if (swa > 0) average_->update(1.0 / swa);
  const bool averaged = options_.model_ema || swa > 0;
  if (averaged) average_->swap();
  if (swa > 0 && (validates || last)) {
    DeviceBatches batches = train_batches(epoch_order(state_.epoch));
    restate_norms(*model_, batches, execution_,
                  [&](const auto& errors) { report_unreadable(*photos_, errors); });
  }
  if (validates) {
    const std::optional<double> score = validate_epoch(row, line);
    if (!score) {
      log_info("interrupted while epoch ", row.epoch, " was validated; --resume validates it");
      return false;
    }
    if (*score > state_.best_score) {
      line << "  best";
      keep_best(*score);
    }
  } else if (val_photos_->size() == 0) {
    keep_best(-1);
  }
  if (averaged) average_->swap();
  folder_->add_summary(row);  // before the checkpoint: what goes on from that writes no row again
  save_checkpoint();
  log_info(line.str());
  return true;
}

void Trainer::keep_best(double score) {
  state_.best_score = score;
  state_.best_epoch = state_.epoch;
  const auto classes = head_->linear_scores();
  folder_->save_best({.info = {.arch = options_.arch,
                               .dim = model_->dim(),
                               .preprocessing = preprocessing_,
                               .labels_hash = labels_hash(data_.labels.names),
                               .classes = classes ? data_.labels.names : std::vector<std::string>{},
                               .held_out = data_.held_out,
                               .fingerprint = {}},
                      .pool = options_.pool,
                      .tensors = model_->state(),
                      .classes = classes},
                     state_);
}

void Trainer::report_unreadable(const Photos& photos, const std::vector<SampleError>& errors) {
  for (const SampleError& e : errors)  // of a photo, or of a visit of it
    if (unreadable_.insert(photos.path(e.sample % photos.size())).second)
      log_warning("left out: ", e.error.what());
  const auto all = photos_->size() + val_photos_->size();
  if (static_cast<double>(unreadable_.size()) > 0.05 * static_cast<double>(all))
    throw Error(ErrorCode::kBadInput,
                join("train: want at most 5% unreadable photos, got ", unreadable_.size(), " of ",
                     all, " (", options_.data, ")"),
                "the warnings above name them; repair them or take them out of the list");
}

}  // namespace shoplens
