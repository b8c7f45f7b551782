// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "losses/head.h"

namespace shoplens {

/// A linear classifier, the plain cross-entropy baseline: x weight^T + bias. Keys: weight [K, D],
/// bias [K].
class Softmax : public ClassifierHead {
 public:
  Softmax(int dim, int classes);
  torch::Tensor logits(const torch::Tensor& x) override;
  torch::Tensor logits(const torch::Tensor& x, const torch::Tensor& labels) override;
  std::optional<LinearScores> linear_scores() const override {
    return LinearScores{weight_.detach(), bias_.detach()};
  }

 private:
  torch::Tensor weight_, bias_;
};

}  // namespace shoplens
