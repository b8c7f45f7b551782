// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "nn/safetensors.h"

namespace shoplens {

/// A running average of parameters and buffers.
class WeightAverage {
 public:
  /// Starts as a copy of `live`, which are the network's own tensors and stay so.
  explicit WeightAverage(NamedTensors live);

  /// average += share * (live - average); whole numbers are copied. A constant share after each
  /// step is an exponential moving average (timm's ModelEmaV3; share = 1 - decay), 1 / n after the
  /// n-th epoch is stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407).
  void update(double share);

  void swap();  // the live tensors take the averages' values and the other way round
  const NamedTensors& averages() const { return averages_; }

 private:
  NamedTensors live_, averages_;
};

}  // namespace shoplens
