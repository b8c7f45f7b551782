// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>

#include "core/copy_on_write.h"
#include "index/int8_scan.h"
#include "index/vector_index.h"
#include "index/vector_rows.h"

namespace shoplens {

/// The default index, and the oracle for whatever else is built: what it finds is what scoring
/// every vector in float64 (inner_product) and sorting finds, ids and ties included. It scans 8-bit
/// codes first and scores only the vectors that these cannot rule out; the bound behind that is
/// proven (int8_radius), so nothing is lost. Blocked over queries and vectors, so nothing of size
/// queries x vectors is held.
///
/// A vector takes dim + 8 bytes, which is what a search reads, and some 24 for its id; the floats
/// themselves are read where the codes leave a doubt, and not copied when they can be shared.
///
/// A copy shares all, in chunks that are copied when one of the two changes them: it costs little,
/// and stays as it is while the other changes.
class ExactIndex : public VectorIndex {
 public:
  explicit ExactIndex(int dim, int threads = 0);  // 0: the machine's cores
  /// Of vectors [n, dim], whose rows are their ids.
  ExactIndex(int dim, const SharedVectors& vectors, int threads = 0);
  /// With one instruction set's scan, and another thread for every so many multiplications, for the
  /// test that they all agree.
  ExactIndex(int dim, int threads, const Int8Kernel& kernel,
             std::int64_t thread_work = kThreadWork);
  int dim() const override { return dim_; }
  std::int64_t size() const override { return rows_.size(); }
  void add(std::span<const std::int64_t> ids, std::span<const float> vectors) override;
  /// The same with the ids size(), size() + 1, ...: a vector's row, where nothing is ever removed.
  void add_rows(std::span<const float> vectors);
  std::vector<float> vectors() const override { return rows_.vectors(); }
  const float* vector(std::int64_t id) const override { return rows_.vector(*rows_.row_of(id)); }
  std::int64_t remove(std::span<const std::int64_t> ids) override;
  using VectorIndex::search;
  std::vector<std::vector<Hit>> search(std::span<const float> queries, int k,
                                       const IdFilter& allowed) const override;

 private:
  static constexpr std::int64_t kThreadWork = 16'000'000;  // worth its start: about 0.1 ms
  static constexpr std::int64_t kChunk = VectorRows::kChunk;
  static_assert(kChunk % kInt8Panel == 0);

  const Int8Vectors& codes_of(std::int64_t row) const {
    return *codes_[static_cast<std::size_t>(row / kChunk)];
  }
  void remove_row(std::int64_t row);
  Scored scored(const float* query, std::int64_t row) const;
  void scan(std::atomic<std::int64_t>& next, const IdFilter& allowed,
            std::span<const Look> looks) const;
  void search_block(std::span<const float> queries, int k, const IdFilter& allowed,
                    std::span<std::vector<Hit>> results) const;

  int dim_, threads_;
  const Int8Kernel* kernel_;
  std::int64_t thread_work_;
  VectorRows rows_;
  std::vector<CopyOnWrite<Int8Vectors>> codes_;  // of kChunk rows each but the last
};

}  // namespace shoplens
