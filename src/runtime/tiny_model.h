// SPDX-License-Identifier: Apache-2.0
// A small network with random weights, for tests that need a model.onnx and not what it learnt.
#pragma once
#include <filesystem>

#include "core/files.h"
#include "core/random.h"
#include "onnx/graph.h"

namespace shoplens {

/// Writes conv 3x3/2 (8) - ReLU - conv 3x3/2 (16) - ReLU - mean - linear (dim) - L2 norm, with
/// the map before the mean as "features"; input
/// `size`; another `seed` is another network. With `classes` also "raw" and random scores of them.
/// Returns its metadata.
inline ModelInfo write_tiny_model(const std::filesystem::path& path, int size = 32, int dim = 16,
                                  std::uint64_t seed = 1,
                                  const std::vector<std::string>& classes = {},
                                  Decode decode = Decode::kFull) {
  Random random{seed};
  const auto constant = [&](std::vector<std::int64_t> dims) {
    std::int64_t count = 1;
    for (const std::int64_t d : dims) count *= d;
    Constant c{std::move(dims), {}};
    for (std::int64_t i = 0; i < count; ++i)
      c.data.push_back(static_cast<float>(random.uniform(-0.5, 0.5)));
    return c;
  };
  Graph graph;
  ConvAttributes attributes;
  attributes.stride = 2;
  attributes.padding = 1;
  Value x = graph.input("pixels", {-1, 3, size, size});
  x = graph.unary("Relu", graph.conv(x, constant({8, 3, 3, 3}), constant({8}), attributes));
  x = graph.unary("Relu", graph.conv(x, constant({16, 8, 3, 3}), constant({16}), attributes));
  const Value map = x;
  x = graph.flatten(graph.global_average_pool(x));
  const Value raw = graph.linear(x, constant({dim, 16}), constant({dim}));
  x = graph.l2_normalize(raw);
  const auto count = static_cast<std::int64_t>(classes.size());
  const Value scores =
      count > 0 ? graph.linear(x, constant({count, dim}), constant({count})) : Value{};
  graph.output("embedding", x, {-1, dim});
  graph.output("features", map, {-1, 16, size / 4, size / 4});
  if (count > 0) {
    graph.output("raw", raw, {-1, dim});
    graph.output("classes", scores, {-1, count});
  }
  ModelInfo info;
  info.classes = classes;
  info.arch = "tiny";
  info.dim = dim;
  info.preprocessing.size = size;
  info.preprocessing.decode = decode;
  write_file(path, graph.serialize(info));
  return info;
}

}  // namespace shoplens
