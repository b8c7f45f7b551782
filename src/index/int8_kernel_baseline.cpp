// SPDX-License-Identifier: Apache-2.0
#include "index/int8_kernel.h"

namespace shoplens {
namespace {

template <int queries>
void inner_products(const std::uint8_t* codes, const Int8Query* query, int groups,
                    std::int32_t* out) {
  for (int i = 0; i < queries * kInt8Panel; ++i) out[i] = 0;
  for (int g = 0; g < groups; ++g, codes += kInt8Panel * kInt8Group)
    for (int q = 0; q < queries; ++q)
      for (int i = 0; i < kInt8Panel; ++i)
        for (int t = 0; t < kInt8Group; ++t)
          out[q * kInt8Panel + i] +=
              (codes[i * kInt8Group + t] - 128) * query[q].codes[g * kInt8Group + t];
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_body.h"

namespace shoplens {
const Int8Kernel kInt8Baseline = {"baseline", 127, upper_bounds};
}
