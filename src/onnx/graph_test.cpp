// SPDX-License-Identifier: Apache-2.0
#include "onnx/graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <protozero/pbf_reader.hpp>

#include "core/error.h"

namespace shoplens {
namespace {

/// What the file has, read back by the field numbers of onnx.proto.
struct Read {
  struct Node {
    std::string op, output;
    std::vector<std::string> inputs;
    std::map<std::string, std::vector<std::int64_t>> ints;
    std::map<std::string, std::string> texts;
  };
  std::vector<Node> nodes;
  std::map<std::string, Constant> constants;
  std::map<std::string, std::string> input_dims, output_dims;  // "N,3,8,8"
  std::vector<std::string> ops() const {
    std::vector<std::string> names;
    for (const Node& node : nodes) names.push_back(node.op);
    return names;
  }
};

Read::Node read_node(protozero::pbf_reader in) {
  Read::Node node;
  while (in.next()) {
    if (in.tag() == 1)
      node.inputs.push_back(in.get_string());
    else if (in.tag() == 2)
      node.output = in.get_string();
    else if (in.tag() == 4)
      node.op = in.get_string();
    else if (in.tag() == 5) {
      protozero::pbf_reader a = in.get_message();
      std::string name;
      while (a.next()) {
        if (a.tag() == 1)
          name = a.get_string();
        else if (a.tag() == 3 || a.tag() == 8)
          node.ints[name].push_back(a.get_int64());
        else if (a.tag() == 4)
          node.texts[name] = a.get_string();
        else
          a.skip();
      }
    } else
      in.skip();
  }
  return node;
}

std::pair<std::string, Constant> read_constant(protozero::pbf_reader in) {
  std::pair<std::string, Constant> named;
  while (in.next()) {
    if (in.tag() == 1)
      named.second.dims.push_back(in.get_int64());
    else if (in.tag() == 8)
      named.first = in.get_string();
    else if (in.tag() == 9) {
      const auto raw = in.get_view();
      named.second.data.resize(raw.size() / sizeof(float));
      std::memcpy(named.second.data.data(), raw.data(), raw.size());
    } else
      in.skip();
  }
  return named;
}

std::pair<std::string, std::string> read_value_info(protozero::pbf_reader in) {
  std::pair<std::string, std::string> named;
  while (in.next()) {
    if (in.tag() == 1) {
      named.first = in.get_string();
      continue;
    }
    protozero::pbf_reader type = in.get_message();
    type.next(1);
    protozero::pbf_reader tensor = type.get_message();
    tensor.next(2);
    protozero::pbf_reader shape = tensor.get_message();
    while (shape.next(1)) {
      protozero::pbf_reader dim = shape.get_message();
      dim.next();
      if (!named.second.empty()) named.second += ',';
      named.second += dim.tag() == 2 ? dim.get_string() : std::to_string(dim.get_int64());
    }
  }
  return named;
}

Read read_back(const Graph& graph) {
  ModelInfo info{
      .arch = "test", .dim = 4, .preprocessing = {}, .labels_hash = "", .fingerprint = ""};
  const std::string bytes = graph.serialize(info);
  protozero::pbf_reader model(bytes);
  model.next(7);
  protozero::pbf_reader in = model.get_message();
  Read read;
  while (in.next()) {
    if (in.tag() == 1)
      read.nodes.push_back(read_node(in.get_message()));
    else if (in.tag() == 5)
      read.constants.insert(read_constant(in.get_message()));
    else if (in.tag() == 11)
      read.input_dims.insert(read_value_info(in.get_message()));
    else if (in.tag() == 12)
      read.output_dims.insert(read_value_info(in.get_message()));
    else
      in.skip();
  }
  return read;
}

Constant ramp(std::vector<std::int64_t> dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  Constant constant{std::move(dims), std::vector<float>(count)};
  for (std::size_t i = 0; i < count; ++i) constant.data[i] = 0.1f * static_cast<float>(i + 1);
  return constant;
}

using Ops = std::vector<std::string>;

TEST(Graph, AffineIsFoldedIntoTheConvolution) {
  Graph graph;
  const Value x = graph.input("image", {-1, 2, 8, 8});
  const Constant weight = ramp({3, 2, 3, 3});
  const std::vector<float> scale{2, -0.5f, 0}, shift{1, 2, 3};
  const Value y =
      graph.affine(graph.conv(x, weight, {{3}, {10, 20, 30}}, {.padding = 1}), scale, shift);
  graph.output("y", y, {-1, 3, 8, 8});

  const Read read = read_back(graph);
  ASSERT_EQ(read.ops(), Ops{"Conv"});
  const Constant& folded = read.constants.at(read.nodes[0].inputs[1]);
  EXPECT_EQ(folded.dims, weight.dims);
  for (std::size_t i = 0; i < weight.data.size(); ++i)
    EXPECT_EQ(folded.data[i], static_cast<float>(double{weight.data[i]} * scale[i / 18])) << i;
  EXPECT_EQ(read.constants.at(read.nodes[0].inputs[2]).data, (std::vector<float>{21, -8, 3}));
}

TEST(Graph, AffineGivesABiasToALayerWithoutOne) {
  Graph graph;
  const Value x = graph.input("x", {-1, 2});
  graph.output("y", graph.affine(graph.linear(x, {{2, 2}, {1, 2, 3, 4}}, {}), {10, 100}, {5, 6}),
               {-1, 2});
  const Read read = read_back(graph);
  ASSERT_EQ(read.ops(), Ops{"Gemm"});
  EXPECT_EQ(read.constants.at(read.nodes[0].inputs[1]).data,
            (std::vector<float>{10, 20, 300, 400}));
  EXPECT_EQ(read.constants.at(read.nodes[0].inputs[2]).data, (std::vector<float>{5, 6}));
}

TEST(Graph, TwoAffinesFoldOneAfterTheOther) {
  Graph graph;
  const Value x = graph.input("x", {-1, 1});
  const Value y =
      graph.affine(graph.affine(graph.linear(x, {{1, 1}, {3}}, {{1}, {1}}), {2}, {1}), {10}, {4});
  graph.output("y", y, {-1, 1});
  const Read read = read_back(graph);
  ASSERT_EQ(read.ops(), Ops{"Gemm"});
  EXPECT_EQ(read.constants.at(read.nodes[0].inputs[1]).data, std::vector<float>{60});
  EXPECT_EQ(read.constants.at(read.nodes[0].inputs[2]).data, std::vector<float>{34});
}

TEST(Graph, AffineStaysWhenAnotherNodeReadsTheValue) {
  Graph graph;
  const Value x = graph.input("x", {-1, 2, 4, 4});
  const Value conv = graph.conv(x, ramp({2, 2, 1, 1}), {}, {});
  const Value relu = graph.unary("Relu", conv);
  const Value sum = graph.binary("Add", relu, graph.affine(conv, {2, 3}, {4, 5}));
  graph.output("y", sum, {-1, 2, 4, 4});
  const Read read = read_back(graph);
  ASSERT_EQ(read.ops(), (Ops{"Conv", "Relu", "Mul", "Add", "Add"}));
  EXPECT_EQ(read.constants.at(read.nodes[0].inputs[1]).data, ramp({2, 2, 1, 1}).data);
  EXPECT_EQ(read.constants.at(read.nodes[2].inputs[1]).dims,
            (std::vector<std::int64_t>{1, 2, 1, 1}));
  EXPECT_EQ(read.constants.at(read.nodes[3].inputs[1]).data, (std::vector<float>{4, 5}));
}

TEST(Graph, AffineOfAnInputHasConstantsOfItsRank) {
  Graph graph;
  graph.output("y", graph.affine(graph.input("x", {-1, 2}), {2, 3}, {4, 5}), {-1, 2});
  const Read read = read_back(graph);
  ASSERT_EQ(read.ops(), (Ops{"Mul", "Add"}));
  EXPECT_EQ(read.constants.at(read.nodes[0].inputs[1]).dims, (std::vector<std::int64_t>{1, 2}));
}

TEST(Graph, AFoldedValueCannotBeReadAgain) {
  Graph graph;
  const Value conv = graph.conv(graph.input("x", {-1, 1, 4, 4}), ramp({1, 1, 1, 1}), {}, {});
  graph.affine(conv, {2}, {3});
  try {
    graph.unary("Relu", conv);
    FAIL() << "want an error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kInternal);
    EXPECT_STREQ(
        e.what(),
        "onnx graph: want a value that is there, got Conv_1: of another graph, folded or renamed");
  }
}

TEST(Graph, NamesInputsOutputsAndTheBatchDimension) {
  Graph graph;
  const Value x = graph.input("image", {-1, 3, 8, 8});
  const Value relu = graph.unary("Relu", x);
  graph.unary("Sqrt", relu);  // read before it is made an output
  graph.output("features", relu, {-1, 3, 8, 8});
  const Read read = read_back(graph);
  EXPECT_EQ(read.input_dims.at("image"), "N,3,8,8");
  EXPECT_EQ(read.output_dims.at("features"), "N,3,8,8");
  EXPECT_EQ(read.nodes[0].output, "features");
  EXPECT_EQ(read.nodes[1].inputs, Ops{"features"});
}

TEST(Graph, WritesTheAttributesOfAConvolution) {
  Graph graph;
  const Value x = graph.input("x", {-1, 4, 8, 8});
  const Value padded = graph.conv(x, ramp({4, 1, 5, 3}), {},
                                  {.stride = 2, .padding = 1, .dilation = 3, .groups = 4});
  graph.conv(padded, ramp({4, 4, 3, 3}), {}, {.same = true});
  const Read read = read_back(graph);
  using Ints = std::vector<std::int64_t>;
  EXPECT_EQ(read.nodes[0].ints.at("kernel_shape"), (Ints{5, 3}));
  EXPECT_EQ(read.nodes[0].ints.at("strides"), (Ints{2, 2}));
  EXPECT_EQ(read.nodes[0].ints.at("pads"), (Ints{1, 1, 1, 1}));
  EXPECT_EQ(read.nodes[0].ints.at("dilations"), (Ints{3, 3}));
  EXPECT_EQ(read.nodes[0].ints.at("group"), Ints{4});
  EXPECT_EQ(read.nodes[1].texts.at("auto_pad"), "SAME_UPPER");
  EXPECT_EQ(read.nodes[1].ints.count("pads"), 0u);
}

TEST(Graph, ClipLeavesOutAnInfiniteSide) {
  Graph graph;
  const Value x = graph.input("x", {-1, 4});
  graph.clip(x, 0, 6);
  graph.clip(x, -INFINITY, 6);
  graph.clip(x, 0, INFINITY);
  const Read read = read_back(graph);
  EXPECT_EQ(read.nodes[0].inputs.size(), 3u);
  EXPECT_EQ(read.nodes[1].inputs[1], "");
  EXPECT_EQ(read.constants.at(read.nodes[1].inputs[2]).data, std::vector<float>{6});
  EXPECT_EQ(read.nodes[2].inputs.size(), 2u);
}

TEST(Graph, TheSameCallsGiveTheSameBytes) {
  const auto write = [](float weight) {
    Graph graph;
    const Value x = graph.input("x", {-1, 1});
    graph.output("y", graph.linear(x, {{1, 1}, {weight}}, {}), {-1, 1});
    ModelInfo info{
        .arch = "a", .dim = 1, .preprocessing = {}, .labels_hash = "", .fingerprint = ""};
    return std::pair(graph.serialize(info), info.fingerprint);
  };
  EXPECT_EQ(write(1), write(1));
  EXPECT_NE(write(1).second, write(1.0000001f).second);
}

std::string error_of(const std::function<void(Graph&, const Value&)>& body) {
  Graph graph;
  const Value x = graph.input("x", {-1, 2, 4, 4});
  try {
    body(graph, x);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Graph, ErrorsNameBothShapes) {
  EXPECT_EQ(error_of([](Graph& g, const Value& x) { g.conv(x, {{2, 2}, {1, 2, 3, 4}}, {}, {}); }),
            "conv: want weight [O, C / groups, kh, kw], got [2, 2]");
  EXPECT_EQ(
      error_of([](Graph& g, const Value& x) { g.conv(x, ramp({3, 2, 1, 1}), {{2}, {1, 2}}, {}); }),
      "conv: want bias [3], got [2]");
  EXPECT_EQ(error_of([](Graph& g, const Value& x) { g.linear(x, {{2}, {1, 2}}, {}); }),
            "linear: want weight [O, I], got [2]");
  EXPECT_EQ(error_of([](Graph& g, const Value& x) { g.binary("Add", x, Constant{{2, 2}, {1}}); }),
            "onnx graph: want 4 numbers for [2, 2], got 1");
  EXPECT_EQ(error_of([](Graph& g, const Value& x) {
              g.affine(g.conv(x, ramp({3, 2, 1, 1}), {}, {}), {1}, {1});
            }),
            "affine: want 3 channels, got 1");
  EXPECT_EQ(error_of([](Graph& g, const Value& x) { g.affine(x, {1}, {1, 2}); }),
            "affine: want as many shifts as scales, got 2 and 1");
  EXPECT_EQ(error_of([](Graph& g, const Value& x) { g.output("y", x, {-1, 2}); }),
            "output y: want 4 dimensions, got [-1, 2]");
}

}  // namespace
}  // namespace shoplens
