// SPDX-License-Identifier: Apache-2.0
// Included once by each int8_kernel_*.cpp, which first defines
//   template <int queries> void inner_products(const std::uint8_t* codes, const Int8Query* queries,
//                                              int groups, std::int32_t* out);
// the exact inner products of the codes, out [queries, kInt8Panel].
#pragma once
#include "index/int8_kernel.h"

namespace shoplens {
namespace {

template <int queries>
void upper_bounds_of(const Int8Panel& panel, const Int8Query* query, int groups, float* upper,
                     std::uint64_t* reached) {
  alignas(64) std::int32_t products[queries * kInt8Panel];
  inner_products<queries>(panel.codes, query, groups, products);
  for (int q = 0; q < queries; ++q, ++query, upper += kInt8Panel) {
    int any = 0;
    for (int i = 0; i < kInt8Panel; ++i) {
      upper[i] =
          static_cast<float>(products[q * kInt8Panel + i]) * (query->scale * panel.scale[i]) +
          int8_radius(panel, *query, i);
      any |= upper[i] >= query->threshold;
    }
    std::uint64_t mask = 0;
    if (any)  // seldom
      for (int i = 0; i < kInt8Panel; ++i) mask |= std::uint64_t{upper[i] >= query->threshold} << i;
    reached[q] = mask;
  }
}

void upper_bounds(const Int8Panel& panel, const Int8Query* queries, int count, int groups,
                  float* upper, std::uint64_t* reached) {
  switch (count) {
    case 1:
      return upper_bounds_of<1>(panel, queries, groups, upper, reached);
    case 2:
      return upper_bounds_of<2>(panel, queries, groups, upper, reached);
    case 3:
      return upper_bounds_of<3>(panel, queries, groups, upper, reached);
    case 4:
      return upper_bounds_of<4>(panel, queries, groups, upper, reached);
    case 5:
      return upper_bounds_of<5>(panel, queries, groups, upper, reached);
    default:
      return upper_bounds_of<6>(panel, queries, groups, upper, reached);
  }
}

}  // namespace
}  // namespace shoplens
