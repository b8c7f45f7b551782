// SPDX-License-Identifier: Apache-2.0
// Included once by each resample_*.cpp, which first defines its Words (kLanes 32-bit integers),
// widen (kLanes bytes to Words) and narrow (Words of 0..255 to bytes). Everything is 32-bit integer
// arithmetic on independent lanes, so the instruction set cannot change a bit of the result.
//
// One step does all the work: 48 neighbouring bytes of the output are a weighted sum of 48-byte
// runs of the source. Down a column that is how the rows lie. Along a row it is not (a pixel's
// neighbours are 3 bytes apart), so 16 rows at a time are transposed to [pixel, channel, row],
// weighed, and transposed back.
#pragma once
#include <cstring>

#include "image/resample.h"

namespace shoplens {
namespace {

typedef std::uint8_t Bytes16 __attribute__((vector_size(16)));

constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

// out[i] = sum over t of source[t * tap_stride + i] * weights[t], rounded and clipped, for i <
// kBlock.
inline void weigh_block(const std::uint8_t* source, std::ptrdiff_t tap_stride,
                        const std::int32_t* weights, int taps, std::uint8_t* out) {
  constexpr int kVectors = kBlock / kLanes;
  Words sum[kVectors];
  for (int v = 0; v < kVectors; ++v) sum[v] = Words{} + kHalf;
  for (int t = 0; t < taps; ++t, source += tap_stride)
    for (int v = 0; v < kVectors; ++v) sum[v] += widen(source + v * kLanes) * weights[t];
  for (int v = 0; v < kVectors; ++v) {
    Words value = sum[v] >> kWeightBits;
    value = value < 0 ? Words{} : value;
    narrow(value > 255 ? Words{} + 255 : value, out + v * kLanes);
  }
}

// The same for one byte: pictures narrower than a block.
inline std::uint8_t weigh_byte(const std::uint8_t* source, std::ptrdiff_t tap_stride,
                               const std::int32_t* weights, int taps) {
  std::int32_t sum = kHalf;
  for (int t = 0; t < taps; ++t) sum += source[t * tap_stride] * weights[t];
  sum >>= kWeightBits;
  return static_cast<std::uint8_t>(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

// Transposes 16 x 16 bytes. Interleaving row r with row r + 8 moves each byte's index [r3 r2 r1 r0,
// c3 c2 c1 c0] one bit to the left, around; four times swaps rows with columns.
inline void transpose_tile(const std::uint8_t* source, std::ptrdiff_t source_stride,
                           std::uint8_t* out, std::ptrdiff_t out_stride) {
  Bytes16 tile[16], next[16];
  for (int r = 0; r < 16; ++r) std::memcpy(&tile[r], source + r * source_stride, 16);
  for (int round = 0; round < 4; ++round) {
    for (int r = 0; r < 8; ++r) {
      next[2 * r] = __builtin_shufflevector(tile[r], tile[r + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20,
                                            5, 21, 6, 22, 7, 23);
      next[2 * r + 1] = __builtin_shufflevector(tile[r], tile[r + 8], 8, 24, 9, 25, 10, 26, 11, 27,
                                                12, 28, 13, 29, 14, 30, 15, 31);
    }
    std::memcpy(tile, next, sizeof tile);
  }
  for (int r = 0; r < 16; ++r) std::memcpy(out + r * out_stride, &tile[r], 16);
}

// rows x [columns] bytes -> columns x [16] bytes; rows < 16 leave the lanes above them as they
// were.
inline void transpose_in(const std::uint8_t* source, std::ptrdiff_t stride, int rows,
                         std::ptrdiff_t columns, std::uint8_t* out) {
  std::ptrdiff_t x = 0;
  if (rows == kBlockRows)
    for (; x + 16 <= columns; x += 16)
      transpose_tile(source + x, stride, out + x * kBlockRows, kBlockRows);
  for (; x < columns; ++x)
    for (int r = 0; r < rows; ++r) out[x * kBlockRows + r] = source[r * stride + x];
}

// columns x [16] bytes -> rows x [columns] bytes.
inline void transpose_out(const std::uint8_t* source, int rows, std::ptrdiff_t columns,
                          std::uint8_t* out, std::ptrdiff_t stride) {
  std::ptrdiff_t x = 0;
  if (rows == kBlockRows)
    for (; x + 16 <= columns; x += 16)
      transpose_tile(source + x * kBlockRows, kBlockRows, out + x, stride);
  for (; x < columns; ++x)
    for (int r = 0; r < rows; ++r) out[r * stride + x] = source[x * kBlockRows + r];
}

void horizontal_pass(const AxisWeights& axis, const std::uint8_t* source,
                     std::ptrdiff_t source_stride, int rows, int columns, std::uint8_t* scratch,
                     std::uint8_t* out, std::ptrdiff_t out_stride) {
  std::uint8_t* const weighed = scratch + static_cast<std::ptrdiff_t>(columns) * kBlock;
  for (int y = 0; y < rows; y += kBlockRows) {
    const int block_rows = rows - y < kBlockRows ? rows - y : kBlockRows;
    transpose_in(source + y * source_stride, source_stride, block_rows, 3 * std::ptrdiff_t{columns},
                 scratch);
    for (int x = 0; x < axis.outputs; ++x)
      weigh_block(scratch + static_cast<std::ptrdiff_t>(axis.first[x]) * kBlock, kBlock,
                  axis.weights + static_cast<std::ptrdiff_t>(x) * axis.stride, axis.count[x],
                  weighed + static_cast<std::ptrdiff_t>(x) * kBlock);
    transpose_out(weighed, block_rows, 3 * std::ptrdiff_t{axis.outputs}, out + y * out_stride,
                  out_stride);
  }
}

void vertical_pass(const AxisWeights& axis, const std::uint8_t* source,
                   std::ptrdiff_t source_stride, std::ptrdiff_t row_bytes, std::uint8_t* out,
                   std::ptrdiff_t out_stride) {
  for (int y = 0; y < axis.outputs; ++y) {
    const std::uint8_t* const top = source + axis.first[y] * source_stride;
    const std::int32_t* const weights = axis.weights + static_cast<std::ptrdiff_t>(y) * axis.stride;
    std::uint8_t* const row = out + y * out_stride;
    if (row_bytes < kBlock) {
      for (std::ptrdiff_t x = 0; x < row_bytes; ++x)
        row[x] = weigh_byte(top + x, source_stride, weights, axis.count[y]);
      continue;
    }
    std::ptrdiff_t x = 0;
    for (; x + kBlock <= row_bytes; x += kBlock)
      weigh_block(top + x, source_stride, weights, axis.count[y], row + x);
    if (x < row_bytes)  // the last block overlaps the one before it
      weigh_block(top + row_bytes - kBlock, source_stride, weights, axis.count[y],
                  row + row_bytes - kBlock);
  }
}

}  // namespace
}  // namespace shoplens
