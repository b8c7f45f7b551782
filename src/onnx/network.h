// SPDX-License-Identifier: Apache-2.0
// An ONNX network as plain data: what Graph builds, serialize() writes and parse_network() reads.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/model_info.h"

namespace shoplens {

/// A constant tensor in row-major order.
struct Constant {
  std::vector<std::int64_t> dims;
  std::vector<float> data;
};

/// 8-bit integers, as quantised networks hold them; of unsigned ones the bits.
struct ByteConstant {
  std::vector<std::int64_t> dims;
  std::vector<std::int8_t> data;
  bool is_signed = true;
};

/// Nodes in the order of computation; every name is a node's output, an input or a constant.
struct Network {
  struct Attribute {
    std::string name;
    enum Type { kInt, kInts, kFloat, kString } type;
    std::vector<std::int64_t> ints;
    std::string text;
    float number = 0;
  };
  struct Node {
    std::string op;
    std::vector<std::string> inputs;  // "": an optional one left out
    std::string output;
    std::vector<Attribute> attributes;
  };
  struct Info {
    std::string name;
    std::vector<std::int64_t> dims;  // -1: of the batch
  };
  std::vector<Node> nodes;
  std::map<std::string, Constant> constants;
  std::map<std::string, std::vector<std::int64_t>> integers;  // constants that say where and how
  std::map<std::string, ByteConstant> bytes;
  std::vector<Info> inputs, outputs;
};

/// The whole ModelProto, opset 17; the same network gives the same bytes. Fills info.fingerprint,
/// and writes `info` as metadata. Throws kUnsupported when it is over protobuf's 2 GB.
std::string serialize(const Network& network, ModelInfo& info);

/// The network of a model.onnx that shoplens wrote, with its metadata: serialize() gives the same
/// bytes again. Throws as read_model_info does, and kCorrupt for what serialize() does not write.
std::pair<Network, ModelInfo> read_network(const std::filesystem::path& path);

}  // namespace shoplens
