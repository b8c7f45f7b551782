// SPDX-License-Identifier: Apache-2.0
namespace shoplens {
namespace {
constexpr int kLanes = 4;
}
}  // namespace shoplens

#include "nn/batch_norm_kernel.h"

namespace shoplens {
constexpr NormKernels kNormBaseline = {"baseline", passes<float>(), passes<Bfloat16>()};
}
