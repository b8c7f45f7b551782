// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/copy_on_write.h"
#include "index/exact_index.h"
#include "index/vector_rows.h"

namespace shoplens {

struct ApproximateOptions {
  double recall = 0.99;  // of the `k` nearest, the share that a search shall find
  int k = 10;
  std::int64_t cells = 0;  // 0: as many as a search of that size is fastest with
};

/// Searches a part of the vectors: those in the cells whose centroids are nearest to the query (an
/// inverted file; Jegou, Douze and Schmid 2011, doi:10.1109/TPAMI.2010.57, section V, without the
/// product quantizer). Within these cells it is exact as ExactIndex is, by the same 8-bit scan, so
/// a neighbour is missed only when its cell is not looked into. How many cells are is chosen when
/// the index is made: the least that reach the recall for queries made up from the vectors
/// (unseen_queries).
///
/// A vector's cell depends on it and the centroids only. So an answer is the same on every machine
/// and whatever the threads, and after changes the same as if what is there now had been there from
/// the start; only new centroids, of an index made anew, may give another.
///
/// Vectors are not copied but shared with whoever gave them, as in a mapped file, and read where
/// the codes leave a doubt. Beside them a vector takes some 1.13 dim + 40 bytes. A copy shares all,
/// as ExactIndex's does.
class ApproximateIndex final : public VectorIndex {
 public:
  /// vectors [n, dim], n >= 1; their rows are their ids. 0 threads: the machine's cores.
  ApproximateIndex(const SharedVectors& vectors, int dim, const ApproximateOptions& options,
                   int threads = 0);

  int dim() const override { return centroids_.dim(); }
  std::int64_t size() const override { return rows_.size(); }
  void add(std::span<const std::int64_t> ids, std::span<const float> vectors) override;
  std::int64_t remove(std::span<const std::int64_t> ids) override;
  using VectorIndex::search;
  /// Looks into more cells when there are fewer than k vectors in those nearest, or with a filter
  /// fewer than 32 k that are allowed. Cells that hold none of these do not count.
  std::vector<std::vector<Hit>> search(std::span<const float> queries, int k,
                                       const IdFilter& allowed) const override;
  /// What search() would find if it looked into every cell: what ExactIndex finds.
  std::vector<std::vector<Hit>> search_exactly(std::span<const float> queries, int k) const;

  const float* vector(std::int64_t id) const override { return rows_.vector(*rows_.row_of(id)); }
  std::vector<float> vectors() const override { return rows_.vectors(); }
  std::int64_t cells() const { return centroids_.size(); }
  std::int64_t probes() const { return probes_; }  // cells that a search looks into
  void set_probes(std::int64_t probes);            // from 1 to cells()
  /// Of the ApproximateOptions::k nearest of those queries, the share that was found when the index
  /// was made.
  double recall() const { return recall_; }

  /// Writes all to a file (docs/formats.md) that says it was made from what `key` is the SHA-256
  /// of.
  void save(const std::filesystem::path& path, const std::string& key) const;
  /// The index of a file, whose vectors stay in it; nothing when there is no file, or one of
  /// another key or version. Throws kCorrupt for a damaged one. key() is asked for when all else is
  /// done, as to work it out may take as long.
  static std::optional<ApproximateIndex> load(const std::filesystem::path& path,
                                              const std::function<std::string()>& key,
                                              int threads = 0);

 private:
  struct Cell {
    Int8Vectors codes;
    std::vector<std::int64_t> rows;  // [codes.size()]
  };

  struct Wanted {
    int k;
    std::int64_t probes;
    const IdFilter& allowed;
  };

  ApproximateIndex(ExactIndex centroids, VectorRows rows, int threads);
  void fill(std::span<const std::int32_t> cell_of);
  void choose_probes(const ApproximateOptions& options, std::span<const float> vectors,
                     std::span<const std::int32_t> cell_of);
  Cell& own_cell(std::int64_t row);
  void remove_row(std::int64_t row);

  std::int64_t check_queries(std::span<const float> queries, int k) const;
  Survivors no_survivors(int k, const Int8Query& encoded) const;
  void scan_cell(const Cell& cell, const IdFilter& allowed, std::span<const Look> looks) const;
  void search_block(std::span<const float> queries, std::span<std::vector<Hit>> nearest,
                    const Wanted& wanted, std::span<std::vector<Hit>> results) const;
  std::vector<Hit> search_one(std::span<const float> query, const Int8Query& encoded,
                              std::vector<Hit> nearest_cells, const Wanted& wanted) const;
  Scored scored(const float* query, std::int64_t row) const;
  std::vector<Hit> hits_of(std::span<const float> query, Survivors& best) const;

  int threads_;
  const Int8Kernel* kernel_;
  ExactIndex centroids_;  // by cell
  std::vector<CopyOnWrite<Cell>> cells_;
  VectorRows rows_;
  std::int64_t probes_ = 1;
  double recall_ = 1;
};

}  // namespace shoplens
