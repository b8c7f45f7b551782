// SPDX-License-Identifier: Apache-2.0
namespace shoplens {
namespace {
constexpr int kLanes = 4;
}
}  // namespace shoplens

#include "nn/batch_norm_kernel.h"
#include "nn/pointwise_kernel.h"

namespace shoplens {
constexpr RowKernels kRowBaseline = {"baseline", norm_passes<float>(), norm_passes<Bfloat16>(),
                                     pointwise_passes()};
}
