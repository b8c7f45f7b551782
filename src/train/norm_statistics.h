// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "models/embedding_model.h"
#include "train/validate.h"

namespace shoplens {

/// Sets every batch norm's running mean and variance to the mean over the batches, which
/// averaged weights need: their activations are not the average of the activations. As
/// torch.optim.swa_utils.update_bn; Izmailov et al. 2018, arXiv:1803.05407, section 3.2. Leaves the
/// model in train mode.
void restate_norms(EmbeddingModel& model, DeviceBatches& batches, const Execution& execution,
                   const ReportErrors& report);

}  // namespace shoplens
