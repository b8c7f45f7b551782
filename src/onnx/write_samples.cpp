// SPDX-License-Identifier: Apache-2.0
// Writes small models, between them every operator of Graph, into a folder: write_samples FOLDER.
// tools/check_onnx.py runs them and compares with PyTorch. Constants are sin(seed + i / 2), there
// as here.
#include <cmath>
#include <filesystem>
#include <iostream>

#include "core/error.h"
#include "core/files.h"
#include "onnx/graph.h"

namespace shoplens {
namespace {

Constant wave(int seed, std::vector<std::int64_t> dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  Constant constant{std::move(dims), std::vector<float>(count)};
  for (std::size_t i = 0; i < count; ++i)
    constant.data[i] = static_cast<float>(std::sin(seed + 0.5 * static_cast<double>(i)));
  return constant;
}

struct Sample {
  const char* name;
  std::vector<std::int64_t> in, out;
  Value (*build)(const Value& x);
};

const Sample kSamples[] = {
    {"conv_folded",
     {-1, 4, 9, 9},
     {-1, 6, 5, 5},
     [](const Value& x) {
       const Value y = x.graph->conv(x, wave(1, {6, 2, 3, 3}), wave(2, {6}),
                                     {.stride = 2, .padding = 1, .groups = 2});
       return x.graph->affine(y, wave(3, {6}).data, wave(4, {6}).data);
     }},
    {"conv_read_twice",
     {-1, 4, 9, 9},
     {-1, 4, 9, 9},
     [](const Value& x) {
       const Value y = x.graph->conv(x, wave(1, {4, 4, 1, 1}), {}, {});
       const Value relu = x.graph->unary("Relu", y);
       return x.graph->binary("Add", relu,
                              x.graph->affine(y, wave(2, {4}).data, wave(3, {4}).data));
     }},
    {"conv_same",
     {-1, 2, 8, 7},
     {-1, 3, 4, 4},
     [](const Value& x) {
       return x.graph->conv(x, wave(1, {3, 2, 3, 3}), {}, {.stride = 2, .same = true});
     }},
    {"conv_dilated",
     {-1, 2, 9, 9},
     {-1, 3, 9, 9},
     [](const Value& x) {
       return x.graph->conv(x, wave(1, {3, 2, 3, 3}), {}, {.padding = 2, .dilation = 2});
     }},
    {"pool",
     {-1, 2, 8, 8},
     {-1, 2, 4, 4},
     [](const Value& x) { return x.graph->average_pool(x, 2, 2, false, false); }},
    {"pool_ceil",
     {-1, 2, 7, 7},
     {-1, 2, 4, 4},
     [](const Value& x) { return x.graph->average_pool(x, 2, 2, false, true); }},
    {"pool_same",
     {-1, 2, 7, 7},
     {-1, 2, 4, 4},
     [](const Value& x) { return x.graph->average_pool(x, 2, 2, true, false); }},
    {"max_pool",
     {-1, 2, 7, 7},
     {-1, 2, 4, 4},
     [](const Value& x) { return x.graph->max_pool(x, 3, 2, 1); }},
    {"swish_clip",
     {-1, 2, 3, 3},
     {-1, 2, 3, 3},
     [](const Value& x) {
       const Value swish = x.graph->binary("Mul", x, x.graph->unary("Sigmoid", x));
       return x.graph->clip(x.graph->clip(swish, 0, INFINITY), -INFINITY, 0.5f);
     }},
    {"prelu",
     {-1, 3, 2, 2},
     {-1, 3, 2, 2},
     [](const Value& x) { return x.graph->prelu(x, wave(1, {3})); }},
    {"head",
     {-1, 5, 3, 3},
     {-1, 4},
     [](const Value& x) {
       Graph& g = *x.graph;
       const Value pooled = g.flatten(g.global_average_pool(x));
       const Value neck = g.affine(g.linear(pooled, wave(1, {4, 5}), wave(2, {4})),
                                   wave(3, {4}).data, std::vector<float>(4, 0.0f));
       return g.l2_normalize(g.prelu(neck, wave(5, {4})));
     }},
    {"layer_norm",
     {-1, 3, 4},
     {-1, 3, 5},
     [](const Value& x) {
       const Value y = x.graph->layer_norm(x, wave(1, {4}), wave(2, {4}), 1e-2f);
       return x.graph->linear(y, wave(3, {5, 4}), wave(4, {5}));
     }},
    {"attention",
     {-1, 3, 8},
     {-1, 3, 4},
     [](const Value& x) {  // two heads of two; keys are the upper half of x
       Graph& g = *x.graph;
       const auto heads = [&](std::int64_t begin, const std::vector<std::int64_t>& order) {
         return g.transpose(g.reshape(g.slice(x, 2, begin, begin + 4), {0, 0, 2, 2}), order);
       };
       const Value q = heads(0, {0, 2, 1, 3}), k = heads(4, {0, 2, 3, 1});
       const Value mixed = g.binary("MatMul", g.softmax(g.binary("MatMul", q, k)), q);
       return g.reshape(g.transpose(mixed, {0, 2, 1, 3}), {0, 0, -1});
     }},
    {"pad_front",
     {-1, 2, 3},
     {-1, 3, 3},
     [](const Value& x) { return x.graph->pad_front(x, 1, 1); }},
    {"normalize", {-1, 4}, {-1, 4}, [](const Value& x) { return x.graph->l2_normalize(x); }},
    {"affine_input",
     {-1, 3, 2, 2},
     {-1, 3, 2, 2},
     [](const Value& x) { return x.graph->affine(x, wave(1, {3}).data, wave(2, {3}).data); }},
};

void write_samples(const std::filesystem::path& folder) {
  for (const Sample& sample : kSamples) {
    Graph graph;
    graph.output("y", sample.build(graph.input("x", sample.in)), sample.out);
    ModelInfo info;
    info.arch = sample.name;
    info.dim = 4;
    write_file(folder / (std::string(sample.name) + ".onnx"), graph.serialize(info));
  }
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) try {
  shoplens::check(argc == 2, "write_samples: want a folder");
  shoplens::write_samples(argv[1]);
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
