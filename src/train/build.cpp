// SPDX-License-Identifier: Apache-2.0
#include "train/build.h"

#include <torch/utils.h>

#include "models/load_backbone.h"
#include "train/run_folder.h"

namespace shoplens {
namespace {

// Counters keep their type, which Module::to(device, type) would change.
void move(torch::nn::Module& module, const Execution& execution) {
  module.to(execution.device);
  for (const auto& tensors : {module.parameters(), module.buffers()})
    for (const torch::Tensor& t : tensors)
      if (t.is_floating_point()) t.set_data(t.detach().to(execution.weights));
}

// Convolution weights in the format the input has, so that no step converts them.
void to_channels_last(torch::nn::Module& module) {
  for (torch::Tensor& p : module.parameters())
    if (p.dim() == 4) p.set_data(p.detach().contiguous(torch::MemoryFormat::ChannelsLast));
}

}  // namespace

Preprocessing build_preprocessing(const TrainOptions& o) {
  const BackboneEntry& entry = find_backbone(o.arch);
  Preprocessing p = entry.preprocessing;
  p.size = entry.train_size;
  return o.preprocessing.apply(p);
}

Execution build_execution(const TrainOptions& o) {
  return {.device = torch::Device(o.device),
          .bf16 = o.amp == "bf16",
          .weights = o.amp == "fp64" ? torch::kDouble : torch::kFloat,
          .channels_last = o.channels_last == "auto"
                               ? o.amp == "bf16" || find_backbone(o.arch).channels_last
                               : o.channels_last == "on"};
}

std::shared_ptr<EmbeddingModel> build_model(const TrainOptions& o, const Execution& execution) {
  torch::manual_seed(static_cast<std::uint64_t>(o.seed));
  auto model = std::make_shared<EmbeddingModel>(EmbeddingModelOptions{
      .arch = o.arch, .pool = o.pool, .dim = o.dim, .drop_path_rate = o.drop_path});
  // A run that ended before its first checkpoint begins again.
  const bool goes_on = o.resume && RunFolder::open(o.out).has_checkpoint();
  if (!o.weights.empty() && !goes_on)
    load_backbone(model->backbone(), find_backbone(o.arch), o.weights);
  move(*model, execution);
  if (execution.channels_last) to_channels_last(*model);
  return model;
}

std::shared_ptr<Head> build_head(const TrainOptions& o, int dim, const LabelSet& labels,
                                 const Execution& execution) {
  HeadOptions options{.name = o.head,
                      .dim = dim,
                      .classes = static_cast<int>(labels.names.size()),
                      .scale = o.scale,
                      .margin = o.margin,
                      .margins = {},
                      .subcenters = o.subcenters,
                      .sample_rate = o.sample_rate};
  if (o.margin_rare > 0)
    options.margins = margins_by_count(count_labels(labels), o.margin, o.margin_rare);
  auto head = make_head(options);
  move(*head, execution);
  return head;
}

LossOptions build_loss_options(const TrainOptions& o, const std::vector<std::int64_t>& counts,
                               const Execution& execution) {
  LossOptions loss{.label_smoothing = o.smoothing};
  if (o.class_weights == "none") return loss;
  const torch::Tensor weights =
      1 / torch::tensor(counts, torch::kLong).to(torch::kFloat).log1p();  // [K]
  loss.class_weights = (weights / weights.mean()).to(execution.device, execution.weights);
  return loss;
}

}  // namespace shoplens
