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

std::vector<float> project(std::span<const float> vectors, std::span<const Block> blocks,
                           const AffineMap& map) {
  const int dim = dim_of(blocks);
  check(dim > 0 && vectors.size() % static_cast<std::size_t>(dim) == 0, "project: want vectors of ",
        dim, " components, got ", vectors.size(), " floats");
  std::vector<float> weighed(vectors.begin(), vectors.end());
  const bool alike = std::all_of(blocks.begin(), blocks.end(),
                                 [&](const Block& b) { return b.weight == blocks[0].weight; });
  if (!alike) {  // else every bit stays as the gallery has it
    weigh(weighed, blocks);
    l2_normalize(weighed, dim);
  }
  if (map.out == 0) return weighed;
  check(map.matrix.size() == static_cast<std::size_t>(map.out) * static_cast<std::size_t>(dim + 1),
        "project: want a map of ", map.out, " x ", dim + 1, " floats, got ", map.matrix.size());
  const auto n = static_cast<Eigen::Index>(weighed.size() / static_cast<std::size_t>(dim));
  std::vector<float> out(static_cast<std::size_t>(n * map.out));
  const Rows matrix(map.matrix.data(), map.out, dim + 1);
  Eigen::Map<Matrix> projected(out.data(), n, map.out);
  projected.noalias() = Rows(weighed.data(), n, dim) * matrix.leftCols(dim).transpose();
  projected.rowwise() += matrix.col(dim).transpose();
  l2_normalize(out, map.out);
  return out;
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
