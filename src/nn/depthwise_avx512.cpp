// SPDX-License-Identifier: Apache-2.0
namespace shoplens {
namespace {
constexpr int kLanes = 16;
}
}  // namespace shoplens

#include "nn/depthwise_loops.h"

namespace shoplens {
const DepthwiseKernels kDepthwiseAvx512 = {"avx512", scratch_floats, forward, backward};
}
