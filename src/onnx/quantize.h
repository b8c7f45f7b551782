// SPDX-License-Identifier: Apache-2.0
// A float network rewritten for 8-bit arithmetic, in ONNX's QDQ form: what a layer reads and its
// weights pass through QuantizeLinear and DequantizeLinear, and a runtime that sees such a pair on
// both sides computes the layer in integers (OpenVINO, ONNX Runtime).
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "onnx/network.h"

namespace shoplens {

/// An 8-bit grid: value = scale * (integer - zero_point), integers 0..255.
struct Grid {
  float scale = 1;
  int zero_point = 0;
};

/// The grid whose ends are `low` and `high`, widened so that 0 is on it exactly: padding must stay
/// nothing.
Grid grid_between(double low, double high);

/// A layer that can be quantised: a Conv, Gemm or MatMul with constant weights.
struct Layer {
  std::string name;                                            // its output
  std::string input;                                           // the value that it reads
  std::int64_t outputs = 0, inputs_per_group = 0, groups = 1;  // channels
};

/// In the order of computation.
std::vector<Layer> quantizable_layers(const Network& network);

struct QuantizationPlan {
  std::set<std::string> layers;             // by name
  std::map<std::string, Grid> activations;  // of the values that these read, by value
  /// The values' means by channel, for bias correction; none: no correction.
  std::map<std::string, std::vector<float>> means{};
  /// Bits of a weight. 7 keep the sums of products that AVX2 and AVX-512 without VNNI make in 16
  /// bits (VPMADDUBSW) from saturating: 2 x 255 x 64 < 2^15 <= 2 x 255 x 127.
  int weight_bits = 7;
};

/// The network with the plan's layers quantised: weights symmetric by output channel on the grid
/// of least squared error, activations by value. What the rounding of the weights adds to a
/// channel's mean is taken from its bias (Nagel et al. 2019, arXiv:1906.04721, section 4.2).
/// Throws kBadInput for a layer that is not there, or without a grid for what it reads.
Network quantize(const Network& network, const QuantizationPlan& plan);

}  // namespace shoplens
