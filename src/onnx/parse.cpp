// SPDX-License-Identifier: Apache-2.0
// read_network: serialize.cpp backwards. It need not know all of ONNX, only what serialize writes:
// the fingerprint vouches that the file is ours.
#include <cstring>
#include <functional>
#include <numeric>
#include <protozero/pbf_reader.hpp>

#include "core/error.h"
#include "core/files.h"
#include "onnx/model_proto.h"
#include "onnx/network.h"

namespace shoplens {
namespace {

using protozero::pbf_reader;

// Throws std::runtime_error, without the file's name: read_network adds that.
[[noreturn]] void unexpected(const std::string& what, std::int64_t got) {
  throw std::runtime_error(join("want ", what, " as shoplens writes it, got ", got));
}

Network::Attribute parse_attribute(pbf_reader in) {
  Network::Attribute attribute{{}, Network::Attribute::kInt, {}, {}, 0};
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        attribute.name = in.get_string();
        break;
      case 2:
        attribute.number = in.get_float();
        attribute.type = Network::Attribute::kFloat;
        break;
      case 3:
        attribute.ints = {in.get_int64()};
        break;
      case 4:
        attribute.text = in.get_string();
        attribute.type = Network::Attribute::kString;
        break;
      case 8:
        attribute.ints.push_back(in.get_int64());
        attribute.type = Network::Attribute::kInts;
        break;
      case 20:  // its type, which the fields have told
        in.skip();
        break;
      default:
        unexpected("an attribute", in.tag());
    }
  }
  return attribute;
}

Network::Node parse_node(pbf_reader in) {
  Network::Node node;
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        node.inputs.push_back(in.get_string());
        break;
      case 2:
        node.output = in.get_string();
        break;
      case 3:  // its name, which is its output's
        in.skip();
        break;
      case 4:
        node.op = in.get_string();
        break;
      case 5:
        node.attributes.push_back(parse_attribute(in.get_message()));
        break;
      default:
        unexpected("a node", in.tag());
    }
  }
  return node;
}

template <class T>
std::vector<T> values_of(std::string_view raw, const std::vector<std::int64_t>& dims) {
  const std::int64_t count =
      std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
  if (count < 0 || raw.size() != static_cast<std::size_t>(count) * sizeof(T))
    unexpected("a constant of " + std::to_string(count) + " numbers",
               static_cast<std::int64_t>(raw.size()));
  std::vector<T> values(static_cast<std::size_t>(count));
  std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

void parse_constant(pbf_reader in, Network& network) {
  std::vector<std::int64_t> dims;
  std::int32_t type = 0;
  std::string name;
  std::string_view raw;
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        dims.push_back(in.get_int64());
        break;
      case 2:
        type = in.get_int32();
        break;
      case 8:
        name = in.get_string();
        break;
      case 9: {
        const auto view = in.get_view();
        raw = {view.data(), view.size()};
        break;
      }
      default:
        unexpected("a constant", in.tag());
    }
  }
  switch (static_cast<OnnxType>(type)) {
    case OnnxType::kFloat:
      network.constants[name] = {dims, values_of<float>(raw, dims)};
      return;
    case OnnxType::kInt64:
      network.integers[name] = values_of<std::int64_t>(raw, dims);
      return;
    case OnnxType::kInt8:
    case OnnxType::kUint8:
      network.bytes[name] = {dims, values_of<std::int8_t>(raw, dims),
                             static_cast<OnnxType>(type) == OnnxType::kInt8};
      return;
  }
  unexpected("a constant's type", type);
}

Network::Info parse_info(pbf_reader in) {
  Network::Info info;
  while (in.next()) {
    if (in.tag() == 1) {
      info.name = in.get_string();
      continue;
    }
    pbf_reader type = in.get_message();
    type.next(1);  // tensor_type
    pbf_reader tensor = type.get_message();
    tensor.next(2);  // shape
    pbf_reader shape = tensor.get_message();
    while (shape.next(1)) {
      pbf_reader dim = shape.get_message();
      info.dims.push_back(dim.next(1) ? dim.get_int64() : -1);  // else a name: the batch
    }
  }
  return info;
}

Network parse_graph(std::string_view bytes) {
  Network network;
  pbf_reader in(bytes.data(), bytes.size());
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        network.nodes.push_back(parse_node(in.get_message()));
        break;
      case 2:  // its name
        in.skip();
        break;
      case 5:
        parse_constant(in.get_message(), network);
        break;
      case 11:
        network.inputs.push_back(parse_info(in.get_message()));
        break;
      case 12:
        network.outputs.push_back(parse_info(in.get_message()));
        break;
      default:
        unexpected("a graph", in.tag());
    }
  }
  return network;
}

}  // namespace

std::pair<Network, ModelInfo> read_network(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, INT32_MAX);
  auto [info, graph] = check_model(bytes, path);
  try {
    return {parse_graph(graph), std::move(info)};
  } catch (const std::exception& e) {  // protozero's or unexpected()
    throw Error(ErrorCode::kCorrupt, join("model: ", e.what(), " (", path.string(), ")"));
  }
}

}  // namespace shoplens
