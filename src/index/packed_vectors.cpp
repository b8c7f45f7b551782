// SPDX-License-Identifier: Apache-2.0
#include "index/packed_vectors.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/error.h"

namespace shoplens {
namespace {

constexpr std::int64_t kPanel = PackedVectors::kPanel, kTile = PackedVectors::kTile;

struct Wide16 {
  typedef float Vector __attribute__((vector_size(64)));
};
struct Wide8 {
  typedef float Vector __attribute__((vector_size(32)));
};
struct Wide4 {
  typedef float Vector __attribute__((vector_size(16)));
};

// `queries` rows with `registers` registers' width of a panel's vectors, all accumulators in
// registers. Inlined into a function compiled for the instruction set, which is where `a += b * c`
// becomes one fused instruction.
template <class Width, int registers, int queries>
[[gnu::always_inline]] inline void score_columns(const float* panel, const float* query, int dim,
                                                 float* out) {
  using Vector = typename Width::Vector;
  constexpr int kLanes = sizeof(Vector) / sizeof(float);
  Vector sum[queries][registers] = {};
  for (int j = 0; j < dim; ++j) {
    const Vector* component = reinterpret_cast<const Vector*>(panel + j * kPanel);
    for (int q = 0; q < queries; ++q)
      for (int r = 0; r < registers; ++r)
        sum[q][r] += component[r] * query[q * std::ptrdiff_t{dim} + j];
  }
  for (int q = 0; q < queries; ++q)
    for (int r = 0; r < registers; ++r)
      for (int lane = 0; lane < kLanes; ++lane)
        out[q * kPanel + r * kLanes + lane] = sum[q][r][lane];
}

template <class Width, int registers, int queries>
[[gnu::always_inline]] inline void score_all(const float* panel, const float* query, int dim,
                                             float* out) {
  constexpr int kStep =
      static_cast<int>(sizeof(typename Width::Vector) / sizeof(float)) * registers;
  for (int first = 0; first < kPanel; first += kStep)
    score_columns<Width, registers, queries>(panel + first, query, dim, out + first);
}

using Kernel = void (*)(const float* panel, const float* query, int dim, float* out);
using Kernels = std::array<Kernel, kTile>;  // [queries - 1]

// Chosen by hand and not by target_clones, whose resolvers run before a sanitizer is ready. A lone
// query leaves room for more columns at once, which the latency of the sums needs.
template <int queries>
[[gnu::target("avx512f,avx512vl,avx2,fma")]] void score_avx512(const float* panel,
                                                               const float* query, int dim,
                                                               float* out) {
  score_all<Wide16, 4, queries>(panel, query, dim, out);
}
template <int queries>
[[gnu::target("avx2,fma")]] void score_avx2(const float* panel, const float* query, int dim,
                                            float* out) {
  score_all<Wide8, queries == 1 ? 8 : 2, queries>(panel, query, dim, out);
}
template <int queries>
void score_portable(const float* panel, const float* query, int dim, float* out) {
  score_all<Wide4, 2, queries>(panel, query, dim, out);
}

Kernels choose_kernels() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    return {score_avx512<1>, score_avx512<2>, score_avx512<3>,
            score_avx512<4>, score_avx512<5>, score_avx512<6>};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {score_avx2<1>, score_avx2<2>, score_avx2<3>,
            score_avx2<4>, score_avx2<5>, score_avx2<6>};
  return {score_portable<1>, score_portable<2>, score_portable<3>,
          score_portable<4>, score_portable<5>, score_portable<6>};
}

}  // namespace

std::int64_t PackedVectors::panel_size(std::int64_t panel) const {
  return std::min(kPanel, size_ - panel * kPanel);
}

float& PackedVectors::at(std::int64_t row, std::int64_t component) {
  const std::int64_t place = (row / kPanel * dim_ + component) * kPanel + row % kPanel;
  return lines_[static_cast<std::size_t>(place / 16)].value[place % 16];
}

void PackedVectors::append(std::span<const float> vectors) {
  const std::int64_t count = static_cast<std::int64_t>(vectors.size()) / dim_;
  const std::int64_t wanted = (size_ + count + kPanel - 1) / kPanel;
  lines_.resize(static_cast<std::size_t>(wanted * dim_ * (kPanel / 16)), Line{});
  for (std::int64_t i = 0; i < count; ++i)
    for (int j = 0; j < dim_; ++j)
      at(size_ + i, j) = vectors[static_cast<std::size_t>(i * dim_ + j)];
  size_ += count;
}

void PackedVectors::remove(std::int64_t row) {
  const std::int64_t last = size_ - 1;
  for (int j = 0; j < dim_; ++j) {
    at(row, j) = at(last, j);
    at(last, j) = 0;
  }
  size_ = last;
  lines_.resize(static_cast<std::size_t>(panels() * dim_ * (kPanel / 16)));
}

void PackedVectors::score_panel(std::int64_t panel, const float* queries, std::int64_t count,
                                float* out) const {
  static const Kernels kKernels = choose_kernels();
  const Line* first = &lines_[static_cast<std::size_t>(panel * dim_ * (kPanel / 16))];
  kKernels[static_cast<std::size_t>(count - 1)](first->value, queries, dim_, out);
}

}  // namespace shoplens
