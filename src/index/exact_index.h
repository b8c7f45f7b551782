// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unordered_map>

#include "index/int8_vectors.h"
#include "index/vector_index.h"

namespace shoplens {

/// The default index, and the oracle for whatever else is built: what it finds is what scoring
/// every vector in float64 (inner_product) and sorting finds, ids and ties included. It scans 8-bit
/// codes first and scores only the vectors that these cannot rule out; the bound behind that is
/// proven (int8_radius), so nothing is lost. Blocked over queries and vectors, so nothing of size
/// queries x vectors is held. A vector takes 5 dim + 8 bytes, of which a search reads dim + 8.
class ExactIndex : public VectorIndex {
 public:
  /// Components above this in size are refused, as NaN is: with them a score could be infinite or
  /// NaN.
  static constexpr float kMaxComponent = 1e15f;

  explicit ExactIndex(int dim, int threads = 0);  // 0: the machine's cores
  /// With one instruction set's scan, for the test that they all agree.
  ExactIndex(int dim, int threads, const Int8Kernel& kernel);
  int dim() const override { return dim_; }
  std::int64_t size() const override { return static_cast<std::int64_t>(ids_.size()); }
  void add(std::span<const std::int64_t> ids, std::span<const float> vectors) override;
  /// The same with the ids size(), size() + 1, ...: a vector's row, where nothing is ever removed.
  void add_rows(std::span<const float> vectors);
  /// [size, dim], in the order they were added while nothing was removed.
  const std::vector<float>& vectors() const { return vectors_; }
  std::int64_t remove(std::span<const std::int64_t> ids) override;
  std::vector<std::vector<Hit>> search(std::span<const float> queries, int k) const override;

 private:
  void search_block(std::span<const float> queries, int k,
                    std::span<std::vector<Hit>> results) const;

  int dim_, threads_;
  const Int8Kernel* kernel_;
  Int8Vectors codes_;
  std::vector<float> vectors_;     // [size, dim]
  std::vector<std::int64_t> ids_;  // [size], of the rows of codes_ and vectors_
  std::unordered_map<std::int64_t, std::int64_t> row_of_;
};

}  // namespace shoplens
