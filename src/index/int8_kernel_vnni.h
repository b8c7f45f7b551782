// SPDX-License-Identifier: Apache-2.0
// Included once by each int8_kernel_*.cpp of a processor that sums the products of four bytes at
// once (VPDPBUSD). It first defines
//   typedef std::int32_t Sums __attribute__((vector_size(...), may_alias));  a register
//   constexpr int kRegisters;  of them
//   void add_products(Sums& sum, Sums codes, Sums query);
#pragma once
#include <cstdint>
#include <cstring>

#include "index/int8_kernel.h"

namespace shoplens {
namespace {

constexpr int kLanes = sizeof(Sums) / sizeof(std::int32_t);  // vectors a register
constexpr int kRow = kInt8Panel / kLanes;                    // registers' width of a panel

// Whether that many sums fit beside a query and the codes, which a lone query needs but once.
constexpr bool fit(int sums, int queries, int columns) {
  return sums + (queries > 1 ? columns : 1) + 1 <= kRegisters;
}

// As many registers' width of vectors at once as leave every sum in a register.
template <int queries>
constexpr int columns_at_once() {
  int columns = kRow;
  while (!fit(queries * columns, queries, columns)) columns /= 2;
  return columns;
}

template <int queries, int columns>
[[gnu::always_inline]] inline void add_group(const Sums* codes, const Int8Query* query, int g,
                                             Sums* sum) {
  Sums x[columns];
#pragma GCC unroll 8
  for (int c = 0; c < columns; ++c) x[c] = codes[g * kRow + c];
#pragma GCC unroll 6
  for (int q = 0; q < queries; ++q) {
    std::int32_t word;
    std::memcpy(&word, query[q].codes + g * kInt8Group, sizeof word);
    const Sums q4 = word - Sums{};
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) add_products(sum[q * columns + c], x[c], q4);
  }
}

template <int queries>
void inner_products(const std::uint8_t* codes, const Int8Query* query, int groups,
                    std::int32_t* out) {
  constexpr int kColumns = columns_at_once<queries>(), kSums = queries * kColumns;
  for (int first = 0; first < kRow; first += kColumns) {
    const Sums* const column = reinterpret_cast<const Sums*>(codes) + first;
    Sums sum[kSums];
#pragma GCC unroll 24
    for (int i = 0; i < kSums; ++i)  // takes the 128s of the unsigned codes away again
      sum[i] = -query[i / kColumns].offset - Sums{};
    int g = 0;
    if constexpr (fit(2 * kSums, queries, kColumns)) {  // as each waits for its last product
      Sums more[kSums] = {};
      for (; g + 1 < groups; g += 2) {
        add_group<queries, kColumns>(column, query, g, sum);
        add_group<queries, kColumns>(column, query, g + 1, more);
      }
#pragma GCC unroll 24
      for (int i = 0; i < kSums; ++i) sum[i] += more[i];
    }
    for (; g < groups; ++g) add_group<queries, kColumns>(column, query, g, sum);
#pragma GCC unroll 24
    for (int i = 0; i < kSums; ++i)
      reinterpret_cast<Sums*>(out + i / kColumns * kInt8Panel)[first + i % kColumns] = sum[i];
  }
}

}  // namespace
}  // namespace shoplens

#include "index/int8_kernel_body.h"
