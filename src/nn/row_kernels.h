// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "nn/row_passes.h"

namespace shoplens {

/// Those this processor can run, the fastest last.
const std::vector<const RowKernels*>& supported_row_kernels();

/// What training takes.
const RowKernels& fastest_row_kernels();

/// Its place among them, for what can keep a number and not a pointer.
std::int64_t place_of(const RowKernels& kernels);
const RowKernels& row_kernels_at(std::int64_t place);

}  // namespace shoplens
