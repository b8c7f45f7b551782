// SPDX-License-Identifier: Apache-2.0
#include "onnx/quantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "onnx/graph.h"

namespace shoplens {
namespace {

using Names = std::vector<std::string>;

Constant random_constant(Random& random, std::vector<std::int64_t> dims) {
  std::int64_t count = 1;
  for (const std::int64_t d : dims) count *= d;
  Constant c{std::move(dims), {}};
  for (std::int64_t i = 0; i < count; ++i)
    c.data.push_back(static_cast<float>(random.uniform(-1, 1)));
  return c;
}

// pixels -> Conv_0 (by group) -> Relu -> Conv_1; Relu is read by Conv_2 too.
struct Small {
  Graph graph;
  Names convs;
  std::string relu;
  Small() {
    Random random{1};
    Value x = graph.input("pixels", {-1, 4, 8, 8});
    x = graph.conv(x, random_constant(random, {4, 2, 3, 3}), {}, {.padding = 1, .groups = 2});
    convs.push_back(x.name);
    x = graph.unary("Relu", x);
    relu = x.name;
    const Value a =
        graph.conv(x, random_constant(random, {5, 4, 1, 1}), random_constant(random, {5}), {});
    const Value b = graph.conv(x, random_constant(random, {5, 4, 1, 1}), {}, {});
    convs.insert(convs.end(), {a.name, b.name});
    graph.output("embedding", graph.binary("Add", a, b), {-1, 5, 8, 8});
  }
  QuantizationPlan plan() const {
    return {{convs.begin(), convs.end()},
            {{"pixels", grid_between(-1, 1)}, {relu, grid_between(0, 3)}}};
  }
};

Names ops_of(const Network& network) {
  Names ops;
  for (const Network::Node& node : network.nodes) ops.push_back(node.op);
  return ops;
}

TEST(Quantize, AGridHasZeroOnItExactlyAndReachesItsEnds) {
  const Grid grid = grid_between(-0.278, 6);
  EXPECT_NEAR(grid.scale * (0 - grid.zero_point), -0.278, grid.scale / 2);
  EXPECT_NEAR(grid.scale * (255 - grid.zero_point), 6, grid.scale / 2);
  EXPECT_EQ(grid_between(1, 2).zero_point, 0);      // 0 is included
  EXPECT_EQ(grid_between(-2, -1).zero_point, 255);  // likewise
  EXPECT_EQ(grid_between(0, 0).scale, 1);
}

TEST(Quantize, LayersAreThoseWithConstantWeights) {
  Graph graph;
  const Value x = graph.input("tokens", {-1, 6, 6});
  const Value y = graph.linear(x, {{3, 6}, std::vector<float>(18)}, {});
  graph.output("embedding", graph.binary("MatMul", x, y), {-1, 6, 3});
  const auto layers = quantizable_layers(graph.network());
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].name, y.name);
  EXPECT_EQ(layers[0].input, "tokens");
  EXPECT_EQ(layers[0].outputs, 3);
  EXPECT_EQ(layers[0].inputs_per_group, 6);
}

TEST(Quantize, AValueReadByTwoLayersIsQuantisedOnce) {
  const Small small;
  const Network network = quantize(small.graph.network(), small.plan());
  EXPECT_EQ(ops_of(network),
            (Names{"QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "Conv", "Relu",
                   "QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "Conv",
                   "DequantizeLinear", "Conv", "Add"}));
  ModelInfo info;
  info.arch = "small", info.dim = 5;
  EXPECT_FALSE(serialize(network, info).empty());
}

TEST(Quantize, OnlyTheLayersOfThePlanChange) {
  const Small small;
  QuantizationPlan plan = small.plan();
  plan.layers = {small.convs[1]};
  const Network network = quantize(small.graph.network(), plan);
  EXPECT_EQ(ops_of(network), (Names{"Conv", "Relu", "QuantizeLinear", "DequantizeLinear",
                                    "DequantizeLinear", "Conv", "Conv", "Add"}));
  EXPECT_EQ(network.nodes[0].inputs[0], "pixels");
  EXPECT_EQ(network.nodes[6].inputs[0], small.relu);
}

TEST(Quantize, WeightsAreWithinHalfAStepOrCutAndUseTheirBits) {
  const Small small;
  for (const int bits : {7, 8}) {
    QuantizationPlan plan = small.plan();
    plan.weight_bits = bits;
    const Network network = quantize(small.graph.network(), plan);
    const int limit = (1 << (bits - 1)) - 1;
    for (const Network::Node& node : small.graph.network().nodes) {
      if (node.op != "Conv") continue;
      const std::string& name = node.inputs[1];
      const Constant& weight = small.graph.network().constants.at(name);
      const ByteConstant& bytes = network.bytes.at(name + "_int8");
      const Constant& scales = network.constants.at(name + "_scale");
      const std::size_t row = weight.data.size() / scales.data.size();
      int largest = 0;
      for (std::size_t i = 0; i < weight.data.size(); ++i) {
        const float scale = scales.data[i / row];
        largest = std::max(largest, std::abs(int{bytes.data[i]}));
        if (std::abs(int{bytes.data[i]}) < limit) {
          EXPECT_NEAR(weight.data[i], scale * bytes.data[i], scale * 0.5001f);
        } else {
          EXPECT_GE(std::abs(weight.data[i]), scale * (limit - 0.5001f));
        }
      }
      EXPECT_EQ(largest, limit);
    }
  }
}

// What a layer gives to its input's mean is the same before and after, by channel.
TEST(Quantize, BiasCorrectionKeepsEachChannelsMean) {
  const Small small;
  QuantizationPlan plan = small.plan();
  plan.weight_bits = 3;  // coarse, so that there is something to correct
  plan.means = {{"pixels", {0.5f, -1, 2, 0.25f}}, {small.relu, {1, 2, 3, 4}}};
  const Network& before = small.graph.network();
  const Network after = quantize(before, plan);
  double largest = 0;
  for (const Network::Node& node : before.nodes) {
    if (node.op != "Conv") continue;
    const Constant& weight = before.constants.at(node.inputs[1]);
    const auto& mean = plan.means.at(node.inputs[0]);
    const std::size_t outputs = static_cast<std::size_t>(weight.dims[0]),
                      inputs = static_cast<std::size_t>(weight.dims[1]),
                      taps = static_cast<std::size_t>(weight.dims[2] * weight.dims[3]);
    const std::size_t groups = mean.size() / inputs;
    for (const Network::Node& quantised : after.nodes) {
      if (quantised.output != node.output) continue;
      ASSERT_EQ(quantised.inputs.size(), 3u);
      const Constant& bias = after.constants.at(quantised.inputs[2]);
      for (std::size_t o = 0; o < outputs; ++o) {
        double want = node.inputs.size() > 2 ? before.constants.at(node.inputs[2]).data[o] : 0;
        double got = bias.data[o];
        largest = std::max(largest, std::abs(want - got));
        for (std::size_t c = 0; c < inputs; ++c)
          for (std::size_t t = 0; t < taps; ++t) {
            const std::size_t at = (o * inputs + c) * taps + t;
            const double m = mean[o / (outputs / groups) * inputs + c];
            want += m * weight.data[at];
            got += m * after.constants.at(node.inputs[1] + "_scale").data[o] *
                   after.bytes.at(node.inputs[1] + "_int8").data[at];
          }
        EXPECT_NEAR(got, want, 1e-4) << node.output << " channel " << o;
      }
    }
  }
  EXPECT_GT(largest, 0.1);
}

TEST(Quantize, WhatThePlanLacksIsAnError) {
  const Small small;
  QuantizationPlan plan = small.plan();
  plan.activations.erase(small.relu);
  EXPECT_THROW(quantize(small.graph.network(), plan), Error);
  plan = small.plan();
  plan.layers.insert("Conv_99");
  EXPECT_THROW(quantize(small.graph.network(), plan), Error);
}

}  // namespace
}  // namespace shoplens
