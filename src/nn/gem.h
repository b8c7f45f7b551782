// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// Generalised-mean pooling:  y[n,c] = ( mean over h,w of max(x[n,c,h,w], eps)^p )^(1/p)
///   x [N, C, H, W] -> y [N, C]          p [1], not 0; p = 1 is the mean, p -> inf the maximum
/// Computed in p's type, whatever x has and autocast says, and without overflow for any p.
/// Throws kBadInput for an x of another rank. Source: Radenovic, Tolias, Chum 2018,
/// arXiv:1711.02512, eq. 3.
torch::Tensor gem(const torch::Tensor& x, const torch::Tensor& p, double eps = 1e-6);

/// gem with a p that is learned. Key: p [1].
struct GeMImpl : torch::nn::Module {
  explicit GeMImpl(double p0 = 3, double eps = 1e-6);
  torch::Tensor forward(const torch::Tensor& x);
  Value forward(const Value& x);  // p as it is now becomes a constant of the graph
  double eps;
  torch::Tensor p;
};
TORCH_MODULE(GeM);

}  // namespace shoplens
