// SPDX-License-Identifier: Apache-2.0
// Vectors are float32, row-major: n vectors of d components are n*d floats, component j of vector i
// at i*d + j.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace shoplens {

/// A stored vector near a query. `score` is the inner product, rounded from float64: the cosine,
/// for L2-normalised vectors.
struct Hit {
  std::int64_t id;
  float score;
  bool operator==(const Hit&) const = default;
};

/// Says of an id whether a search may find it; an empty one allows all. Asked from many threads.
using IdFilter = std::function<bool(std::int64_t)>;

/// Nearest-neighbour search by inner product. Knows vectors and ids only. Searches may run at once
/// from many threads; add and remove need the index alone.
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;
  virtual int dim() const = 0;
  virtual std::int64_t size() const = 0;

  /// ids [n], distinct and not yet in the index (else kBadInput); vectors [n, dim], all finite
  /// (else kBadInput).
  virtual void add(std::span<const std::int64_t> ids, std::span<const float> vectors) = 0;
  /// Takes the vectors of `ids` away; returns how many of them were there.
  virtual std::int64_t remove(std::span<const std::int64_t> ids) = 0;
  /// queries [n, dim] -> n lists of the best k of those allowed (all of them, if they are fewer),
  /// best first; ties by smaller id.
  virtual std::vector<std::vector<Hit>> search(std::span<const float> queries, int k,
                                               const IdFilter& allowed) const = 0;
  std::vector<std::vector<Hit>> search(std::span<const float> queries, int k) const {
    return search(queries, k, {});
  }

  /// The vector [dim] of an id that is here.
  virtual const float* vector(std::int64_t id) const = 0;
  /// A copy of all, [size, dim], in the order they were added while nothing was removed.
  virtual std::vector<float> vectors() const = 0;
};

/// Throws kBadInput, naming `where`, unless `values` are `count` vectors whose components a search
/// can do with: at most kMaxComponent in size, so that no score is infinite or NaN.
void check_vectors(const char* where, std::span<const float> values, std::int64_t count, int dim);
inline constexpr float kMaxComponent = 1e15f;

/// Divides each of the vectors by its length, in place; a zero vector stays zero. Sums in double.
void l2_normalize(std::span<float> vectors, int dim);

}  // namespace shoplens
