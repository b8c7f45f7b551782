// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "nn/safetensors.h"

namespace shoplens {

/// Parameters that share a rate and a decay.
struct ParameterGroup {
  NamedTensors
      parameters;   // name -> the parameter itself; every one has a gradient when step() is called
  double lr_scale;  // of the learning rate given to step()
  double weight_decay;
  bool adaptive_clip = true;  // adaptive_clip_grad clips it
};

/// Updates parameters from their gradients, all tensors of a group in one fused call. Of a
/// parameter with a sparse gradient only the rows in it change, weight decay and averages included.
class Optimizer {
 public:
  explicit Optimizer(std::vector<ParameterGroup> groups) : groups_(std::move(groups)) {}
  virtual ~Optimizer() = default;
  virtual void step(double lr) = 0;

  /// What must be saved to go on exactly, by name; the tensors are the optimiser's own: copy into
  /// them to load.
  virtual NamedTensors state() const = 0;
  /// Drops all gradients, or fills those that are there with zeros where they lie.
  void zero_grad(bool in_place = false);

  /// Scales all gradients so that their joint L2 norm is at most `max_norm`; returns the norm
  /// before. As torch.nn.utils.clip_grad_norm_.
  double clip_grad_norm(double max_norm);

  /// Adaptive gradient clipping: each unit's gradient (a row of a matrix or kernel; a whole vector)
  /// is scaled so that its L2 norm is at most `clip` times max(its weights' norm, 1e-3). Groups
  /// with adaptive_clip off (the head, as NFNet's authors advise) are left alone. Source: Brock et
  /// al. 2021, arXiv:2102.06171, eq. 3, and timm's adaptive_clip_grad.
  void adaptive_clip_grad(double clip);

 protected:
  std::vector<ParameterGroup> groups_;
};

/// SGD with Nesterov momentum and L2 weight decay, as torch.optim.SGD(nesterov=True).
std::unique_ptr<Optimizer> make_sgd(std::vector<ParameterGroup> groups, double momentum);

/// AdamW with betas .9 and .999, eps 1e-8, as torch.optim.AdamW; Loshchilov and Hutter 2019,
/// arXiv:1711.05101.
std::unique_ptr<Optimizer> make_adamw(std::vector<ParameterGroup> groups);

}  // namespace shoplens
