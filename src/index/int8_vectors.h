// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "index/int8_kernel.h"

namespace shoplens {

/// Vectors in 8 bits a component, with a bound on what that loses: a first scan reads a quarter of
/// what the floats are and still proves which vectors cannot be among the best. A vector x is kept
/// as scale * code, scale = max |x_j| / 127, with the length of what is left.
/// Takes dim bytes (rounded up to 4) + 8 a vector. Components at most kMaxComponent.
class Int8Vectors {
 public:
  static constexpr int kMaxDim = 1 << 16;  // 127 * 255 * kMaxDim: the most a 32-bit sum holds

  explicit Int8Vectors(int dim);
  std::int64_t size() const { return size_; }
  std::int64_t panels() const { return (size_ + kInt8Panel - 1) / kInt8Panel; }
  int groups() const { return groups_; }
  std::int64_t panel_size(std::int64_t panel) const;  // vectors in it: fewer in the last
  Int8Panel panel(std::int64_t panel) const;

  void reserve(std::int64_t size);
  void append(std::span<const float> vectors);  // [n, dim]
  /// Puts `source`'s vector, of the same dim, in the place of a row.
  void replace(std::int64_t row, const Int8Vectors& source, std::int64_t source_row);
  void pop_back();

 private:
  struct alignas(64) Line {
    std::uint8_t codes[64];
  };
  std::int64_t byte_at(std::int64_t row, int group) const;
  std::uint8_t* codes_at(std::int64_t row, int group);
  const std::uint8_t* codes_at(std::int64_t row, int group) const;
  void resize(std::int64_t size);
  void encode(const float* vector, std::int64_t row);

  int dim_, groups_;
  std::int64_t size_ = 0;
  std::vector<Line> lines_;           // [panels, groups, 4]
  std::vector<float> scale_, error_;  // [panels * kInt8Panel], 0 where the last panel has none
  std::vector<float> max_norm_;       // [panels]
};

/// Queries in the codes that a kernel takes, each brought to length 1 first, which changes no
/// ranking.
class Int8Queries {
 public:
  Int8Queries(std::span<const float> queries, int dim, const Int8Kernel& kernel);  // [n, dim]
  /// Its threshold is the caller's to set. A zero query is all zeros: every vector scores 0.
  const Int8Query& operator[](std::size_t i) const { return queries_[i]; }
  std::span<const Int8Query> all() const { return queries_; }

 private:
  std::vector<std::int8_t> codes_;  // [n, dim rounded up to 4]
  std::vector<Int8Query> queries_;
};

/// Those that this processor can run, the fastest last.
std::vector<const Int8Kernel*> supported_int8_kernels();

}  // namespace shoplens
