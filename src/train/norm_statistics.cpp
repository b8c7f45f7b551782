// SPDX-License-Identifier: Apache-2.0
#include "train/norm_statistics.h"

#include <torch/cuda.h>

#include "nn/batch_norm.h"
#include "train/autocast.h"

namespace shoplens {

void restate_norms(EmbeddingModel& model, Loader& loader, int size, const Execution& execution,
                   const ReportErrors& report) {
  std::vector<std::pair<BatchNormImpl*, double>> norms;  // each with its own momentum
  for (const auto& module : model.modules(/*include_self=*/false))
    if (auto* norm = module->as<BatchNormImpl>()) norms.emplace_back(norm, norm->momentum);
  const torch::NoGradGuard no_grad;
  model.train();
  for (int batches = 1; auto batch = loader.next();) {
    report(batch->errors);
    if (batch->samples.size() > 1) {
      // The n-th batch counts 1 / n, so the first replaces what was there and all count alike.
      for (const auto& [norm, momentum] : norms) norm->momentum = 1.0 / batches;
      ++batches;
      const Autocast autocast(execution.device.type(), execution.bf16);
      model.forward(to_input(batch->data, size, execution));
      if (execution.device.is_cuda()) torch::cuda::synchronize();  // it has read the batch
    }
    loader.recycle(std::move(*batch));
  }
  for (const auto& [norm, momentum] : norms) norm->momentum = momentum;
}

}  // namespace shoplens
