// SPDX-License-Identifier: Apache-2.0
// From the vectors that a gallery holds to those that are compared: networks weighted, then
// whitened. Vectors are float32, row-major [n, dim].
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "index/packed_vectors.h"

namespace shoplens {

/// A network's part of a vector, and how much its cosine counts.
struct Block {
  int dim = 0;
  double weight = 1;  // >= 0
};

/// The blocks' dims added up.
int dim_of(std::span<const Block> blocks);

/// An affine map x -> y: row o of `matrix` [out, dim + 1] holds the coefficients of y_o, then its
/// constant.
struct AffineMap {
  int out = 0;
  std::vector<float> matrix;
};

/// Each block times the root of its weight, the whole over its length, then the map, if any, and
/// over the length again. Without a map the cosine of two such vectors, whose blocks are of one
/// length, is the weighted mean of the blocks' cosines. What a vector becomes does not depend, to
/// the bit, on those that it is in one call with. Thread-safe.
class Projection {
 public:
  /// Throws kBadInput for sizes that do not fit.
  Projection(std::vector<Block> blocks, const AffineMap& map);
  int dim_in() const { return map_.dim(); }
  int dim() const { return map_.size() > 0 ? static_cast<int>(map_.size()) : map_.dim(); }
  /// vectors [n, sum of dims] -> [n, dim()], the same memory where nothing changes them. Throws
  /// kBadInput for another size.
  std::vector<float> operator()(std::vector<float> vectors) const;

 private:
  std::vector<float> mapped(std::span<const float> vectors) const;

  std::vector<Block> blocks_;
  bool alike_;                    // the blocks, in their weights
  PackedVectors map_;             // rows [out]; none: no map
  std::vector<float> constants_;  // [out]
};

/// The same, once.
std::vector<float> project(std::span<const float> vectors, std::span<const Block> blocks,
                           const AffineMap& map);

/// The principal components of vectors [n, dim], worked out once for all maps to some of them:
/// takes time as min(n, dim)^3.
class PrincipalComponents {
 public:
  PrincipalComponents(std::span<const float> vectors, int dim);

  /// To the `out` components of most variance, each divided by its standard deviation to the power
  /// `whiten` (0: PCA alone; 1: whitening). Throws kBadInput unless 0 < out <= dim and n > out.
  /// Source: Jegou and Chum 2012, "Negative evidences and co-occurences in image retrieval", ECCV,
  /// section 3.
  AffineMap map(int out, double whiten) const;

 private:
  std::int64_t n_;
  int dim_;
  std::vector<double> mean_;        // [dim]
  std::vector<double> variances_;   // falling, min(n, dim) of them
  std::vector<double> directions_;  // [those, dim], of length 1
};

/// PrincipalComponents(vectors, dim).map(out, whiten).
AffineMap learn_whitening(std::span<const float> vectors, int dim, int out, double whiten);

}  // namespace shoplens
