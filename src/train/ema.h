// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "nn/safetensors.h"

namespace shoplens {

/// Exponential moving average of a model's parameters and buffers; Polyak and Juditsky 1992, as
/// timm's ModelEmaV3.
class Ema {
 public:
  /// Starts as a copy of `live`, which stays the model's own tensors.
  Ema(NamedTensors live, double decay);
  void update();  // average = decay * average + (1 - decay) * live; whole numbers are copied
  void swap();    // the live tensors take the averages' values and the other way round
  const NamedTensors& averages() const { return averages_; }

 private:
  NamedTensors live_, averages_;
  double decay_;
};

}  // namespace shoplens
