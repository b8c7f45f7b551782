// SPDX-License-Identifier: Apache-2.0
#include "nn/row_kernels.h"

#include <algorithm>

namespace shoplens {

const std::vector<const RowKernels*>& supported_row_kernels() {
  static const std::vector<const RowKernels*> kernels = [] {
    std::vector<const RowKernels*> found{&kRowBaseline};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kRowAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bf16"))
      found.push_back(&kRowAvx512);
    return found;
  }();
  return kernels;
}

const RowKernels& fastest_row_kernels() { return *supported_row_kernels().back(); }

std::int64_t place_of(const RowKernels& kernels) {
  const auto& all = supported_row_kernels();
  return std::find(all.begin(), all.end(), &kernels) - all.begin();
}

const RowKernels& row_kernels_at(std::int64_t place) {
  return *supported_row_kernels().at(static_cast<std::size_t>(place));
}

}  // namespace shoplens
