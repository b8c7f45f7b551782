// SPDX-License-Identifier: Apache-2.0
#include "train/norm_statistics.h"

#include <torch/cuda.h>

#include "nn/batch_norm.h"
#include "train/autocast.h"

namespace shoplens {

void restate_norms(EmbeddingModel& model, DeviceBatches& batches, const Execution& execution,
                   const ReportErrors& report) {
  std::vector<std::pair<BatchNormImpl*, double>> norms;  // each with its own momentum
  for (const auto& module : model.modules(/*include_self=*/false))
    if (auto* norm = module->as<BatchNormImpl>()) norms.emplace_back(norm, norm->momentum);
  const torch::NoGradGuard no_grad;
  model.train();
  for (int counted = 1; auto item = batches.next();) {
    report(item->batch.errors);
    if (item->batch.samples.size() > 1) {
      // The n-th batch counts 1 / n, so the first replaces what was there and all count alike.
      for (const auto& [norm, momentum] : norms) norm->momentum = 1.0 / counted;
      ++counted;
      const Autocast autocast(execution.device.type(), execution.bf16);
      model.forward(item->x);
      batches.copy_ahead();
      if (execution.device.is_cuda()) torch::cuda::synchronize();  // it has read the batch
    }
    batches.recycle(std::move(*item));
  }
  for (const auto& [norm, momentum] : norms) norm->momentum = momentum;
}

}  // namespace shoplens
