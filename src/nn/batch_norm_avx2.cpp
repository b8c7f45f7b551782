// SPDX-License-Identifier: Apache-2.0
namespace shoplens {
namespace {
constexpr int kLanes = 8;
}
}  // namespace shoplens

#include "nn/batch_norm_kernel.h"

namespace shoplens {
constexpr NormKernels kNormAvx2 = {"avx2", passes<float>(), passes<Bfloat16>()};
}
