// SPDX-License-Identifier: Apache-2.0
// Batch norm and the activation after it in one: a third of a MobileNet's training step on a CPU
// is memory traffic of these two when they are apart.
#pragma once
#include <optional>
#include <vector>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/row_kernels.h"

namespace shoplens {

/// activate(activation, norm->forward(x)), x [N, C, H, W] or [N, C]. On a CPU, for float or
/// bfloat16 x in channels_last or [N, C] and relu, relu6, silu, it is fused: statistics and
/// parameters in float, two passes forwards and two backwards, only x kept between them, and the
/// same bits for any number of threads. Everything else takes torch's own operators.
torch::Tensor norm_activate(BatchNorm& norm, Activation activation, const torch::Tensor& x);
Value norm_activate(BatchNorm& norm, Activation activation, const Value& x);

/// The norm alone when `activation` is nullopt.
torch::Tensor batch_norm_activate(BatchNormImpl& norm, std::optional<Activation> activation,
                                  const torch::Tensor& x);

/// The fused function itself on the kernels given, for tests; x as in norm_activate's fused case.
/// Does not count num_batches_tracked.
torch::Tensor fused_batch_norm(BatchNormImpl& norm, Epilogue epilogue, const torch::Tensor& x,
                               const RowKernels& kernels);

}  // namespace shoplens
