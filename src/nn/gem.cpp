// SPDX-License-Identifier: Apache-2.0
#include "nn/gem.h"

#include <cmath>
#include <limits>

#include "core/error.h"
#include "nn/full_precision.h"

namespace shoplens {

torch::Tensor gem(const torch::Tensor& x, const torch::Tensor& p, double eps) {
  check(x.dim() == 4, "gem: want x [N, C, H, W], got ", x.sizes());
  const FullPrecision full_precision;
  // The power through logarithms: eps^p of a dead channel would underflow to 0, whose root has no
  // finite gradient.
  const torch::Tensor powers = p * x.to(p.scalar_type()).clamp_min(eps).log();  // [N, C, H, W]
  const double log_area = std::log(static_cast<double>(x.size(2) * x.size(3)));
  return ((powers.logsumexp({2, 3}) - log_area) / p).exp();  // [N, C]
}

GeMImpl::GeMImpl(double p0, double eps)
    : eps(eps), p(register_parameter("p", torch::full({1}, p0))) {}

torch::Tensor GeMImpl::forward(const torch::Tensor& x) { return gem(x, p, eps); }

Value GeMImpl::forward(const Value& x) {
  Graph& graph = *x.graph;
  // x^p of x > 0. OpenVINO makes a Pow by a call of powf for each value, which took a tenth of
  // MobileNetV2's time.
  const auto power = [&](const Value& base, float exponent) {
    return graph.unary("Exp",
                       graph.binary("Mul", graph.unary("Log", base), Constant{{}, {exponent}}));
  };
  const auto exponent = p.item<float>();
  const Value clipped =
      graph.clip(x, static_cast<float>(eps), std::numeric_limits<float>::infinity());
  return graph.flatten(power(graph.global_average_pool(power(clipped, exponent)), 1 / exponent));
}

}  // namespace shoplens
