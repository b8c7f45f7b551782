// SPDX-License-Identifier: Apache-2.0
// For processors with the products of bytes but without AVX-512: Intel's of desks and laptops since
// 2021.
#include <cstdint>

namespace shoplens {
namespace {

typedef std::int32_t Sums __attribute__((vector_size(32), may_alias));
constexpr int kRegisters = 16;

inline void add_products(Sums& sum, Sums codes, Sums query) {  // _mm256_dpbusd_avx_epi32
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(codes), "x"(query));
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_vnni.h"

namespace shoplens {
const Int8Kernel kInt8AvxVnni = {"avxvnni", 127, upper_bounds};
}
