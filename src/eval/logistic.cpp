// SPDX-License-Identifier: Apache-2.0
#include "eval/logistic.h"

#include <Eigen/Dense>
#include <cmath>

#include "core/error.h"

namespace shoplens {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A whisper of ridge, so that a column without variance has a weight at all.
constexpr double kRidge = 1e-12;

struct Problem {
  Matrix x;  // [n, 1 + columns], the first column ones
  Eigen::VectorXd target, weight;

  double loss(const Eigen::VectorXd& w) const {
    double sum = kRidge / 2 * w.squaredNorm();
    const Eigen::VectorXd z = x * w;
    for (Eigen::Index i = 0; i < z.size(); ++i)  // log(1 + e^z) - t z, without overflow
      sum += weight[i] *
             (std::max(z[i], 0.0) + std::log1p(std::exp(-std::abs(z[i]))) - target[i] * z[i]);
    return sum;
  }

  Eigen::VectorXd newton_step(const Eigen::VectorXd& w) const {
    const Eigen::VectorXd p = (x * w).unaryExpr(&sigmoid);
    const Eigen::VectorXd gradient = x.transpose() * (weight.cwiseProduct(p - target)) + kRidge * w;
    const Eigen::VectorXd curvature =
        weight.cwiseProduct(p.cwiseProduct(Eigen::VectorXd::Ones(p.size()) - p));
    const Eigen::MatrixXd hessian = x.transpose() * curvature.asDiagonal() * x +
                                    kRidge * Eigen::MatrixXd::Identity(w.size(), w.size());
    return hessian.ldlt().solve(gradient);
  }
};

}  // namespace

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

std::vector<double> fit_logistic(std::span<const double> x, std::size_t columns,
                                 std::span<const std::uint8_t> right,
                                 std::span<const double> weight) {
  const std::size_t n = right.size();
  check(x.size() == n * columns && weight.size() == n, "logistic regression: want ", n, " x ",
        columns, " numbers and ", n, " weights, got ", x.size(), " and ", weight.size());
  double positives = 0;
  for (const std::uint8_t r : right) positives += r;
  const double negatives = static_cast<double>(n) - positives;
  check(positives > 0 && negatives > 0, "logistic regression: want right and wrong ones, got ",
        positives, " and ", negatives);
  Problem problem{Matrix(n, columns + 1), Eigen::VectorXd(n), Eigen::VectorXd(n)};
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    problem.x(row, 0) = 1;
    for (std::size_t c = 0; c < columns; ++c)
      problem.x(row, static_cast<Eigen::Index>(c) + 1) = x[i * columns + c];
    problem.target[row] = right[i] ? (positives + 1) / (positives + 2) : 1 / (negatives + 2);
    problem.weight[row] = weight[i];
  }
  problem.weight /= problem.weight.sum();
  Eigen::VectorXd w = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(columns) + 1);
  double loss = problem.loss(w);
  for (int round = 0; round < 100; ++round) {
    const Eigen::VectorXd step = problem.newton_step(w);
    double length = 1;  // halved while it goes uphill
    double next = problem.loss(w - step);
    while (next > loss && length > 1e-10) next = problem.loss(w - (length /= 2) * step);
    if (!(next < loss)) break;
    w -= length * step;
    if (loss - next < 1e-15) break;
    loss = next;
  }
  return {w.begin(), w.end()};
}

}  // namespace shoplens
