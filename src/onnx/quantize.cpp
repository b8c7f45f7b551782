// SPDX-License-Identifier: Apache-2.0
#include "onnx/quantize.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"

namespace shoplens {
namespace {

using Node = Network::Node;
using Attribute = Network::Attribute;

std::int64_t group_of(const Node& node) {
  for (const Attribute& a : node.attributes)
    if (a.name == "group") return a.ints.front();
  return 1;
}

std::optional<Layer> as_layer(const Network& network, const Node& node) {
  if (node.op != "Conv" && node.op != "Gemm" && node.op != "MatMul") return std::nullopt;
  const auto weight = network.constants.find(node.inputs[1]);
  if (weight == network.constants.end()) return std::nullopt;  // attention: a value times a value
  const std::vector<std::int64_t>& dims = weight->second.dims;
  const bool across = node.op == "MatMul";  // [inputs, outputs]; the others [outputs, inputs, ...]
  return Layer{node.output, node.inputs[0], dims[across ? 1 : 0], dims[across ? 0 : 1],
               group_of(node)};
}

// A layer's weights as rows of outputs: element i of output o is data[o * row + i * step].
struct Rows {
  std::size_t outputs, count, row, step;
};

Rows rows_of(const Constant& weight, bool across) {
  const std::size_t outputs = static_cast<std::size_t>(weight.dims[across ? 1 : 0]);
  const std::size_t count = weight.data.size() / outputs;
  return across ? Rows{outputs, count, 1, outputs} : Rows{outputs, count, count, 1};
}

double squared_error(const float* row, const Rows& rows, double scale, int limit) {
  double error = 0;
  for (std::size_t i = 0; i < rows.count; ++i) {
    const double w = row[i * rows.step];
    const double q = std::clamp(std::nearbyint(w / scale), double{-1} * limit, double{1} * limit);
    error += (w - q * scale) * (w - q * scale);
  }
  return error;
}

// The step of least squared error: cutting the largest weights makes all others finer.
float best_scale(const float* row, const Rows& rows, int limit) {
  double largest = 0;
  for (std::size_t i = 0; i < rows.count; ++i)
    largest = std::max(largest, std::abs(double{row[i * rows.step]}));
  if (largest == 0) return 1;
  double best = 0, best_error = INFINITY;
  for (int cut = 0; cut < 16; ++cut) {
    const double scale = largest * (1 - 0.03 * cut) / limit;
    const double error = squared_error(row, rows, scale, limit);
    if (error < best_error) best = scale, best_error = error;
  }
  return static_cast<float>(best);
}

struct QuantizedWeight {
  ByteConstant bytes;
  std::vector<float> scales;  // [outputs]
};

QuantizedWeight quantize_weight(const Constant& weight, const Rows& rows, int bits) {
  const int limit = (1 << (bits - 1)) - 1;
  QuantizedWeight out{{weight.dims, std::vector<std::int8_t>(weight.data.size()), true}, {}};
  for (std::size_t o = 0; o < rows.outputs; ++o) {
    const float* const row = weight.data.data() + o * rows.row;
    const float scale = best_scale(row, rows, limit);
    for (std::size_t i = 0; i < rows.count; ++i)
      out.bytes.data[o * rows.row + i * rows.step] = static_cast<std::int8_t>(
          std::clamp(static_cast<int>(std::nearbyint(row[i * rows.step] / scale)), -limit, limit));
    out.scales.push_back(scale);
  }
  return out;
}

class Quantizer {
 public:
  Quantizer(const Network& network, const QuantizationPlan& plan) : plan_(plan), out_(network) {}

  Network run() {
    std::set<std::string> left = plan_.layers;
    std::vector<Node> nodes = std::move(out_.nodes);
    out_.nodes.clear();
    for (Node& node : nodes) {
      if (left.erase(node.output) > 0) quantize_layer(node);
      out_.nodes.push_back(std::move(node));
    }
    check(left.empty(), "quantize: want layers of the network, got ",
          left.empty() ? "" : *left.begin());
    return std::move(out_);
  }

 private:
  void quantize_layer(Node& node) {
    const std::optional<Layer> layer = as_layer(out_, node);
    check(layer.has_value(), "quantize: want a layer with weights, got ", node.op, " ",
          node.output);
    const bool across = node.op == "MatMul";
    const Constant weight = out_.constants.at(node.inputs[1]);
    const Rows rows = rows_of(weight, across);
    const QuantizedWeight quantized = quantize_weight(weight, rows, plan_.weight_bits);
    if (!across) correct_bias(node, *layer, weight, quantized, rows);
    node.inputs[0] = activation(node.inputs[0]);
    const std::string name = node.inputs[1];
    out_.constants.erase(name);
    out_.bytes[name + "_int8"] = quantized.bytes;
    out_.constants[name + "_scale"] = {{static_cast<std::int64_t>(rows.outputs)}, quantized.scales};
    out_.nodes.push_back({"DequantizeLinear",
                          {name + "_int8", name + "_scale"},
                          name,
                          {{"axis", Attribute::kInt, {across ? 1 : 0}, {}, 0}}});
  }

  // What the layer reads, on its grid; one pair of nodes serves all that read it.
  std::string activation(const std::string& value) {
    const std::string back = value + "_dequantized";
    if (!quantized_.insert(value).second) return back;
    const auto grid = plan_.activations.find(value);
    check(grid != plan_.activations.end(), "quantize: want a grid for ", value, ", got none");
    const std::string scale = value + "_scale", zero = value + "_zero", q = value + "_uint8";
    out_.constants[scale] = {{}, {grid->second.scale}};
    out_.bytes[zero] = {{}, {static_cast<std::int8_t>(grid->second.zero_point)}, false};
    out_.nodes.push_back({"QuantizeLinear", {value, scale, zero}, q, {}});
    out_.nodes.push_back({"DequantizeLinear", {q, scale, zero}, back, {}});
    return back;
  }

  // bias -= (quantised weights - weights) * mean of what they are multiplied with.
  void correct_bias(Node& node, const Layer& layer, const Constant& weight,
                    const QuantizedWeight& quantized, const Rows& rows) {
    const auto means = plan_.means.find(layer.input);
    if (means == plan_.means.end()) return;
    const auto inputs = static_cast<std::size_t>(layer.inputs_per_group);
    const std::size_t taps = rows.count / inputs,
                      outputs_per_group = rows.outputs / static_cast<std::size_t>(layer.groups);
    check(means->second.size() == inputs * static_cast<std::size_t>(layer.groups),
          "quantize: want a mean for each channel of ", layer.input, ", got ",
          means->second.size());
    if (node.inputs.size() == 2) {
      node.inputs.push_back(node.inputs[1] + "_bias");
      out_.constants[node.inputs[2]] = {{layer.outputs}, std::vector<float>(rows.outputs)};
    }
    Constant& bias = out_.constants.at(node.inputs[2]);
    for (std::size_t o = 0; o < rows.outputs; ++o) {
      const float* const mean = means->second.data() + o / outputs_per_group * inputs;
      double shift = 0;
      for (std::size_t i = 0; i < rows.count; ++i) {
        const std::size_t at = o * rows.count + i;
        const double rounded = double{quantized.scales[o]} * quantized.bytes.data[at];
        shift += (rounded - weight.data[at]) * mean[i / taps];
      }
      bias.data[o] -= static_cast<float>(shift);
    }
  }

  const QuantizationPlan& plan_;
  Network out_;
  std::set<std::string> quantized_;
};

}  // namespace

Grid grid_between(double low, double high) {
  low = std::min(low, 0.0), high = std::max(high, 0.0);
  if (high - low < 1e-30) return {};
  const double scale = (high - low) / 255;
  return {static_cast<float>(scale),
          static_cast<int>(std::clamp(std::nearbyint(-low / scale), 0.0, 255.0))};
}

std::vector<Layer> quantizable_layers(const Network& network) {
  std::vector<Layer> layers;
  for (const Node& node : network.nodes)
    if (auto layer = as_layer(network, node)) layers.push_back(*std::move(layer));
  return layers;
}

Network quantize(const Network& network, const QuantizationPlan& plan) {
  check(plan.weight_bits >= 2 && plan.weight_bits <= 8, "quantize: want 2 to 8 bits a weight, got ",
        plan.weight_bits);
  return Quantizer(network, plan).run();
}

}  // namespace shoplens
