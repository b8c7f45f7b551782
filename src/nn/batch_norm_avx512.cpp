// SPDX-License-Identifier: Apache-2.0
namespace shoplens {
namespace {
constexpr int kLanes = 16;
}
}  // namespace shoplens

#include "nn/batch_norm_kernel.h"

namespace shoplens {
constexpr NormKernels kNormAvx512 = {"avx512", passes<float>(), passes<Bfloat16>()};
}
