// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/chunked_map.h"
#include "core/copy_on_write.h"

namespace shoplens {

/// Vectors [n, dim] that `owner` keeps where they are: on the heap, or in a mapped file.
struct SharedVectors {
  std::span<const float> values;
  std::shared_ptr<const void> owner;
};

/// Moves them to where they can be shared.
SharedVectors share(std::vector<float> vectors);

/// Vectors by row, and their ids. Copies share them, in chunks that are copied when one of the two
/// changes them; vectors that another owns are copied only then.
class VectorRows {
 public:
  static constexpr std::int64_t kChunk = 1024;  // vectors: little to copy for one that changes

  /// ids [n], distinct.
  VectorRows(int dim, const SharedVectors& vectors, std::span<const std::int64_t> ids);
  /// The rows are the ids.
  VectorRows(int dim, const SharedVectors& vectors);

  std::int64_t size() const { return static_cast<std::int64_t>(row_of_.size()); }
  const float* vector(std::int64_t row) const {
    return chunk_of(row).values() + row % kChunk * dim_;
  }
  std::int64_t id(std::int64_t row) const {
    return chunk_of(row).ids[static_cast<std::size_t>(row % kChunk)];
  }
  /// Null when the id is not there.
  const std::int64_t* row_of(std::int64_t id) const { return row_of_.find(id); }

  /// A copy of all, [size(), dim], by row.
  std::vector<float> vectors() const;
  /// Throws kBadInput unless the ids are distinct and none of them is there.
  void check_new(std::span<const std::int64_t> ids) const;

  /// Returns the row, size() before. The id must be new.
  std::int64_t push_back(std::int64_t id, const float* vector);
  /// The last row's vector takes the place of `row`, unless it is that itself.
  void remove(std::int64_t row);

 private:
  struct Chunk {
    std::vector<std::int64_t> ids;
    SharedVectors shared;    // [ids, dim], until this chunk changes
    std::vector<float> own;  // the same from then on

    const float* values() const { return shared.owner ? shared.values.data() : own.data(); }
  };
  const Chunk& chunk_of(std::int64_t row) const {
    return *chunks_[static_cast<std::size_t>(row / kChunk)];
  }
  Chunk& own(std::int64_t row);  // row's, to be changed

  int dim_;
  std::vector<CopyOnWrite<Chunk>> chunks_;  // of kChunk vectors each but the last
  ChunkedMap<std::int64_t, std::int64_t> row_of_;
};

}  // namespace shoplens
