// SPDX-License-Identifier: Apache-2.0
#include "ranking/projection.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"
#include "index/vector_index.h"

namespace shoplens {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<const Matrix>;

void weigh(std::span<float> vectors, std::span<const Block> blocks) {
  for (float* x = vectors.data(); x != vectors.data() + vectors.size();)
    for (const Block& block : blocks) {
      const auto scale = static_cast<float>(std::sqrt(block.weight));
      for (int j = 0; j < block.dim; ++j) *x++ *= scale;
    }
}

using Rowwise = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Of rows less their mean [n, dim], in double and block by block, as a gallery may be large.
Eigen::MatrixXd covariance_of(const Rows& rows, const Eigen::VectorXd& mean) {
  constexpr Eigen::Index kBlock = 256;
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(rows.cols(), rows.cols());
  for (Eigen::Index first = 0; first < rows.rows(); first += kBlock) {
    const auto block = rows.middleRows(first, std::min(kBlock, rows.rows() - first));
    const Eigen::MatrixXd centred = block.cast<double>().rowwise() - mean.transpose();
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose());
  }
  return covariance / static_cast<double>(rows.rows());
}

}  // namespace

int dim_of(std::span<const Block> blocks) {
  int dim = 0;
  for (const Block& block : blocks) dim += block.dim;
  return dim;
}

Projection::Projection(std::vector<Block> blocks, const AffineMap& map)
    : blocks_(std::move(blocks)),
      alike_(std::all_of(blocks_.begin(), blocks_.end(),
                         [&](const Block& b) { return b.weight == blocks_[0].weight; })),
      map_(dim_of(blocks_)) {
  check(map_.dim() > 0, "project: want at least 1 component, got ", map_.dim());
  const std::size_t width = static_cast<std::size_t>(map_.dim()) + 1;
  check(map.matrix.size() == static_cast<std::size_t>(map.out) * width, "project: want a map of ",
        map.out, " x ", width, " floats, got ", map.matrix.size());
  std::vector<float> rows;
  for (std::size_t begin = 0; begin < map.matrix.size(); begin += width) {
    const auto row = std::span(map.matrix).subspan(begin, width);
    rows.insert(rows.end(), row.begin(), row.end() - 1);
    constants_.push_back(row.back());
  }
  map_.append(rows);
}

std::vector<float> Projection::operator()(std::vector<float> vectors) const {
  check(vectors.size() % static_cast<std::size_t>(map_.dim()) == 0, "project: want vectors of ",
        map_.dim(), " components, got ", vectors.size(), " floats");
  if (!alike_) {  // else every bit stays as the gallery has it
    weigh(vectors, blocks_);
    l2_normalize(vectors, map_.dim());
  }
  if (map_.size() > 0) return mapped(vectors);
  return vectors;
}

// By PackedVectors, whose sums are the same wherever a vector stands; a product by Eigen sums in
// another order when there is one vector alone.
std::vector<float> Projection::mapped(std::span<const float> vectors) const {
  const auto width = static_cast<std::size_t>(map_.dim()), out = constants_.size();
  const std::size_t count = vectors.size() / width;
  std::vector<float> images(count * out);  // [n, out]
  float sums[PackedVectors::kTile * PackedVectors::kPanel];
  for (std::size_t first = 0; first < count; first += PackedVectors::kTile) {
    const std::size_t tile = std::min<std::size_t>(PackedVectors::kTile, count - first);
    for (std::int64_t p = 0; p < map_.panels(); ++p) {
      map_.score_panel(p, vectors.data() + first * width, static_cast<std::int64_t>(tile), sums);
      const auto begin = static_cast<std::size_t>(p * PackedVectors::kPanel);
      for (std::size_t i = 0; i < tile; ++i)
        for (std::size_t o = 0; o < static_cast<std::size_t>(map_.panel_size(p)); ++o)
          images[(first + i) * out + begin + o] =
              sums[i * PackedVectors::kPanel + o] + constants_[begin + o];
    }
  }
  l2_normalize(images, dim());
  return images;
}

std::vector<float> project(std::span<const float> vectors, std::span<const Block> blocks,
                           const AffineMap& map) {
  return Projection({blocks.begin(), blocks.end()}, map)({vectors.begin(), vectors.end()});
}

PrincipalComponents::PrincipalComponents(std::span<const float> vectors, int dim)
    : n_(static_cast<std::int64_t>(vectors.size()) / dim), dim_(dim) {
  check(n_ > 0, "whitening: want at least 1 vector, got none");
  const Rows rows(vectors.data(), n_, dim);
  const Eigen::VectorXd mean = rows.cast<double>().colwise().mean();
  mean_.assign(mean.data(), mean.data() + dim);
  // Of fewer vectors than components the products of the vectors have the same eigenvalues, and
  // each eigenvector u gives the direction X'u.
  const bool few = n_ < dim;
  Rowwise centred;  // X
  Eigen::MatrixXd products;
  if (few) {
    centred = rows.cast<double>().rowwise() - mean.transpose();
    products = centred * centred.transpose() / static_cast<double>(n_);
  } else {
    products = covariance_of(rows, mean);
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(products);
  check(solver.info() == Eigen::Success, "whitening: the covariance has no eigenvectors");
  for (Eigen::Index i = products.rows(); i-- > 0;) {  // ascending
    Eigen::VectorXd direction = solver.eigenvectors().col(i);
    if (few) direction = (centred.transpose() * direction).normalized();
    Eigen::Index largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    if (direction(largest) < 0)
      direction = -direction;  // a sign that does not depend on the solver
    variances_.push_back(solver.eigenvalues()(i));
    directions_.insert(directions_.end(), direction.data(), direction.data() + dim);
  }
}

AffineMap PrincipalComponents::map(int out, double whiten) const {
  check(out > 0 && out <= dim_ && n_ > out, "whitening: want 1 to ", dim_,
        " components, fewer than the ", n_, " vectors, got ", out);
  const double least = 1e-9 * variances_[0];  // what only rounding made
  AffineMap map{out, {}};
  for (std::size_t o = 0; o < static_cast<std::size_t>(out); ++o) {
    const double scale = 1 / std::pow(std::max(variances_[o], least), whiten / 2);
    const double* const direction = directions_.data() + o * static_cast<std::size_t>(dim_);
    double constant = 0;
    for (std::size_t j = 0; j < static_cast<std::size_t>(dim_); ++j) {
      map.matrix.push_back(static_cast<float>(scale * direction[j]));
      constant -= scale * direction[j] * mean_[j];
    }
    map.matrix.push_back(static_cast<float>(constant));
  }
  return map;
}

AffineMap learn_whitening(std::span<const float> vectors, int dim, int out, double whiten) {
  return PrincipalComponents(vectors, dim).map(out, whiten);
}

}  // namespace shoplens
