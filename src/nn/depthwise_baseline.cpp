// SPDX-License-Identifier: Apache-2.0
namespace shoplens {
namespace {
constexpr int kLanes = 4;
}
}  // namespace shoplens

#include "nn/depthwise_loops.h"

namespace shoplens {
const DepthwiseKernels kDepthwiseBaseline = {"baseline", scratch_floats, forward, backward};
}
