// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unordered_map>

#include "index/packed_vectors.h"
#include "index/vector_index.h"

namespace shoplens {

/// Compares each query with every vector: the default, and the oracle for whatever else is built.
/// Blocked over queries and vectors, so nothing of size queries x vectors is held. Scores are
/// float32, and a pair's score is the same to the bit in every search (PackedVectors), so ties are
/// real ties.
class ExactIndex : public VectorIndex {
 public:
  /// Components above this in size are refused, as NaN is: with them a score could be infinite or
  /// NaN.
  static constexpr float kMaxComponent = 1e15f;

  explicit ExactIndex(int dim, int threads = 0);  // 0: the machine's cores
  int dim() const override { return vectors_.dim(); }
  std::int64_t size() const override { return vectors_.size(); }
  void add(std::span<const std::int64_t> ids, std::span<const float> vectors) override;
  std::int64_t remove(std::span<const std::int64_t> ids) override;
  std::vector<std::vector<Hit>> search(std::span<const float> queries, int k) const override;

 private:
  int threads_;
  PackedVectors vectors_;
  std::vector<std::int64_t> ids_;  // [size], of the rows of vectors_
  std::unordered_map<std::int64_t, std::int64_t> row_of_;
};

}  // namespace shoplens
