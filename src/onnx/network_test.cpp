// SPDX-License-Identifier: Apache-2.0
#include "onnx/network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "onnx/graph.h"
#include "onnx/quantize.h"

namespace shoplens {
namespace {

ModelInfo some_info() {
  ModelInfo info;
  info.arch = "some", info.dim = 2;
  return info;
}

// Every kind of attribute and constant, an input left out, and two outputs.
Network every_kind() {
  Graph graph;
  Value x = graph.input("pixels", {-1, 3, 4, 4});
  x = graph.conv(x, {{2, 3, 1, 1}, {1, 2, 3, 4, 5, 6}}, {{2}, {7, 8}}, {.same = true});
  x = graph.clip(x, -INFINITY, 6);
  graph.output("map", x, {-1, 2, 4, 4});
  x = graph.reshape({&graph, "map"}, {0, 2, -1});
  x = graph.layer_norm(x, {{16}, std::vector<float>(16, 1)}, {{16}, std::vector<float>(16)}, 1e-5f);
  graph.output("embedding", x, {-1, 2, 16});
  Network network = graph.network();
  network.bytes["int8"] = {{2}, {-128, 127}, true};
  network.bytes["uint8"] = {{}, {-1}, false};  // 255
  network.nodes.push_back({"Unread", {"int8", "uint8"}, "unread", {}});
  return network;
}

TEST(Network, WhatIsReadGivesTheSameBytesAgain) {
  const auto path = std::filesystem::temp_directory_path() / "network.onnx";
  ModelInfo info = some_info();
  const std::string bytes = serialize(every_kind(), info);
  write_file(path, bytes);
  auto [network, read_info] = read_network(path);
  EXPECT_EQ(read_info.fingerprint, info.fingerprint);
  EXPECT_EQ(serialize(network, read_info), bytes);
  EXPECT_EQ(network.bytes.at("uint8").is_signed, false);
  EXPECT_EQ(network.inputs[0].dims, (std::vector<std::int64_t>{-1, 3, 4, 4}));
}

TEST(Network, AChangedFileIsRefused) {
  const auto path = std::filesystem::temp_directory_path() / "network.onnx";
  ModelInfo info = some_info();
  std::string bytes = serialize(every_kind(), info);
  bytes[bytes.size() / 2] ^= 1;
  write_file(path, bytes);
  try {
    read_network(path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kCorrupt);
    EXPECT_NE(std::string(e.what()).find(path.string()), std::string::npos);
  }
}

// A file with a right fingerprint whose graph is not as serialize writes it: by a later version.
TEST(Network, AnUnknownConstantIsRefusedByName) {
  const auto path = std::filesystem::temp_directory_path() / "network.onnx";
  Network network = every_kind();
  network.bytes["int8"].dims = {3};  // of two numbers
  ModelInfo info = some_info();
  write_file(path, serialize(network, info));
  try {
    read_network(path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(
        std::string(e.what()),
        "model: want a constant of 3 numbers as shoplens writes it, got 2 (" + path.string() + ")");
  }
}

}  // namespace
}  // namespace shoplens
