// SPDX-License-Identifier: Apache-2.0
namespace shoplens {
namespace {
constexpr int kLanes = 8;
}
}  // namespace shoplens

#include "nn/depthwise_loops.h"

namespace shoplens {
const DepthwiseKernels kDepthwiseAvx2 = {"avx2", scratch_floats, forward, backward};
}
