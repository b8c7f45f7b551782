// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

namespace shoplens {
namespace {

typedef std::int32_t Sums __attribute__((vector_size(64), may_alias));
constexpr int kRegisters = 32;

// _mm512_dpbusd_epi32, written out: what GCC 12 makes of that moves every sum to another register
// and back, and keeps some in memory, which takes as long as the products.
inline void add_products(Sums& sum, Sums codes, Sums query) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(query));
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_vnni.h"

namespace shoplens {
const Int8Kernel kInt8Avx512Vnni = {"avx512vnni", 127, upper_bounds};
}
