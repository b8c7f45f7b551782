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

// The mean of rows [n, dim] and their covariance, in double: block by block, as a gallery may be
// large.
struct Moments {
  Eigen::VectorXd mean;
  Eigen::MatrixXd covariance;
};

Moments moments_of(const Rows& rows) {
  constexpr Eigen::Index kBlock = 256;
  Moments m{rows.cast<double>().colwise().mean(), Eigen::MatrixXd::Zero(rows.cols(), rows.cols())};
  for (Eigen::Index first = 0; first < rows.rows(); first += kBlock) {
    const auto block = rows.middleRows(first, std::min(kBlock, rows.rows() - first));
    const Eigen::MatrixXd centred = block.cast<double>().rowwise() - m.mean.transpose();
    m.covariance.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose());
  }
  m.covariance /= static_cast<double>(rows.rows());
  return m;
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

AffineMap learn_whitening(std::span<const float> vectors, int dim, int out, double whiten) {
  const auto n = static_cast<Eigen::Index>(vectors.size()) / dim;
  check(out > 0 && out <= dim && n > out, "whitening: want 1 to ", dim,
        " components, fewer than the ", n, " vectors, got ", out);
  const Moments m = moments_of(Rows(vectors.data(), n, dim));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(m.covariance);
  check(solver.info() == Eigen::Success, "whitening: the covariance has no eigenvectors");
  AffineMap map{out, {}};
  const double least = 1e-9 * solver.eigenvalues()(dim - 1);  // what only rounding made
  for (int o = 0; o < out; ++o) {
    Eigen::VectorXd direction = solver.eigenvectors().col(dim - 1 - o);  // ascending
    Eigen::Index largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    if (direction(largest) < 0)
      direction = -direction;  // a sign that does not depend on the solver
    direction /= std::pow(std::max(solver.eigenvalues()(dim - 1 - o), least), whiten / 2);
    for (int j = 0; j < dim; ++j) map.matrix.push_back(static_cast<float>(direction(j)));
    map.matrix.push_back(static_cast<float>(-direction.dot(m.mean)));
  }
  return map;
}

}  // namespace shoplens
