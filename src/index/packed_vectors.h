// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace shoplens {

/// Vectors laid out for scanning: panels of 64 vectors, component j of the 64 side by side, so that
/// one vector register holds the running inner products of 16 (AVX-512) or 8 (AVX2) vectors with a
/// query.
///
/// An inner product is summed over j = 0, 1, ..., dim-1, one fused multiply-add each, whatever the
/// number of queries and wherever the vector stands: equal vectors have equal scores to the bit,
/// and so do a batch of 1 and a batch of 100. (A CPU without FMA rounds twice a step, alike
/// everywhere too.)
class PackedVectors {
 public:
  static constexpr std::int64_t kPanel = 64;  // vectors a panel
  static constexpr std::int64_t kTile = 6;    // queries scored at once: 6 x 4 AVX-512 accumulators

  explicit PackedVectors(int dim) : dim_(dim) {}
  int dim() const { return dim_; }
  std::int64_t size() const { return size_; }
  std::int64_t panels() const { return (size_ + kPanel - 1) / kPanel; }
  std::int64_t panel_size(std::int64_t panel) const;  // vectors in it: kPanel, fewer in the last

  void append(std::span<const float> vectors);  // [n, dim]
  void remove(std::int64_t row);                // the last vector takes its place

  /// queries [count, dim], count <= kTile -> out [count, kPanel], their inner products with the
  /// panel's vectors; 0 where the last panel has none.
  void score_panel(std::int64_t panel, const float* queries, std::int64_t count, float* out) const;

 private:
  struct alignas(64) Line {
    float value[16];
  };
  float& at(std::int64_t row, std::int64_t component);

  int dim_;
  std::int64_t size_ = 0;
  std::vector<Line> lines_;  // [panels, dim, kPanel / 16]
};

}  // namespace shoplens
