// SPDX-License-Identifier: Apache-2.0
// Losses on pairs within a batch: no class weights, so the number of products does not matter. They
// need several photos a product in a batch (the P x K order of data/sampler.h).
#pragma once
#include "losses/head.h"

namespace shoplens {

/// Batch-hard triplets: mean over photos of max(0, margin + farthest positive - nearest negative),
/// by Euclidean distance of unit embeddings; photos without a positive or a negative are left out
/// (0 when none is left). Source: Hermans et al. 2017, arXiv:1703.07737, eq. 5, on the unit sphere.
class Triplet : public Head {
 public:
  explicit Triplet(double margin);
  torch::Tensor loss(const torch::Tensor& x, const torch::Tensor& labels,
                     const LossOptions& options) override;

 private:
  double margin_;
};

/// Mean over photos of  1/a log(1 + sum over hard positives of exp(-a (S - l)))
///                    + 1/b log(1 + sum over hard negatives of exp(b (S - l))),
/// S the cosine, a = 2, b = 50, l = 0.5; a positive is hard when S - 0.1 is under the largest
/// negative, a negative when S + 0.1 is over the smallest positive. Source: Wang et al. 2019,
/// arXiv:1904.06627, eq. 7-9; constants and form of pytorch-metric-learning's MultiSimilarityLoss
/// behind its MultiSimilarityMiner. The authors' own code (msight-tech/research-ms-loss) has b = 40
/// and leaves out a photo that lacks a hard positive or a hard negative, whose other term counts
/// here.
class MultiSimilarity : public Head {
 public:
  torch::Tensor loss(const torch::Tensor& x, const torch::Tensor& labels,
                     const LossOptions& options) override;
};

}  // namespace shoplens
