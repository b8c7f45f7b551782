// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

#include <functional>
#include <memory>

namespace shoplens {

/// Forward and backward pass as one CUDA graph: what is launched for a batch is recorded once and
/// then replayed as a whole, as launching the kernels of a small network takes longer than running
/// them. All shapes must stay, and the pass must neither wait for the device nor read the host.
class StepGraph {
 public:
  /// x, labels -> loss [], with its backward done.
  using Pass = std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& labels)>;

  /// Whether LibTorch is CUDA's and the build had the runtime's headers.
  static bool is_supported();

  /// Throws kUnsupported unless it is supported.
  StepGraph(Pass pass, torch::Device device);
  ~StepGraph();

  /// The pass on x and labels, always shaped as the first; the loss is valid until the next call.
  /// The first three run as they are, for libraries to choose their kernels; the fourth is
  /// recorded, for which no parameter may have a gradient. From then on gradients are written, not
  /// added, where they are then.
  torch::Tensor run(const torch::Tensor& x, const torch::Tensor& labels);
  bool is_recorded() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shoplens
