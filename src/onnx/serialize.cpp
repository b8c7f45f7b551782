// SPDX-License-Identifier: Apache-2.0
// The ModelProto of onnx.proto, by its field numbers.
#include <bit>
#include <protozero/pbf_writer.hpp>
#include <set>

#include "core/error.h"
#include "core/hash.h"
#include "onnx/model_proto.h"
#include "onnx/network.h"

namespace shoplens {
namespace {

using protozero::pbf_writer;
static_assert(std::endian::native == std::endian::little, "raw_data is little endian");

void write_value_info(pbf_writer& graph, protozero::pbf_tag_type field, const std::string& name,
                      const std::vector<std::int64_t>& dims) {
  pbf_writer info(graph, field);
  info.add_string(1, name);
  pbf_writer type(info, 2);
  pbf_writer tensor(type, 1);  // tensor_type
  tensor.add_int32(1, static_cast<std::int32_t>(OnnxType::kFloat));
  pbf_writer shape(tensor, 2);
  for (const std::int64_t size : dims) {
    pbf_writer dim(shape, 1);
    if (size < 0)
      dim.add_string(2, "N");
    else
      dim.add_int64(1, size);
  }
}

template <class T>
void write_constant(pbf_writer& graph, const std::string& name,
                    const std::vector<std::int64_t>& dims, OnnxType type,
                    const std::vector<T>& data) {
  pbf_writer tensor(graph, 5);  // initializer
  for (const std::int64_t size : dims) tensor.add_int64(1, size);
  tensor.add_int32(2, static_cast<std::int32_t>(type));
  tensor.add_string(8, name);
  tensor.add_bytes(9, reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T));
}

void write_attribute(pbf_writer& node, const Network::Attribute& attribute) {
  using Attribute = Network::Attribute;
  pbf_writer a(node, 5);
  const auto type = [&](OnnxAttribute t) { a.add_int32(20, static_cast<std::int32_t>(t)); };
  a.add_string(1, attribute.name);
  switch (attribute.type) {
    case Attribute::kInt:
      a.add_int64(3, attribute.ints.front());
      return type(OnnxAttribute::kInt);
    case Attribute::kInts:
      for (const std::int64_t number : attribute.ints) a.add_int64(8, number);
      return type(OnnxAttribute::kInts);
    case Attribute::kFloat:
      a.add_float(2, attribute.number);
      return type(OnnxAttribute::kFloat);
    case Attribute::kString:
      a.add_bytes(4, attribute.text);
      return type(OnnxAttribute::kString);
  }
}

void write_constants(pbf_writer& graph, const Network& network) {
  std::set<std::string> written;                   // a quantised network's nodes share some
  for (const Network::Node& node : network.nodes)  // in the order they are read
    for (const std::string& input : node.inputs) {
      if (!written.insert(input).second) continue;
      if (const auto c = network.constants.find(input); c != network.constants.end())
        write_constant(graph, input, c->second.dims, OnnxType::kFloat, c->second.data);
      if (const auto c = network.integers.find(input); c != network.integers.end())
        write_constant(graph, input, {static_cast<std::int64_t>(c->second.size())},
                       OnnxType::kInt64, c->second);
      if (const auto c = network.bytes.find(input); c != network.bytes.end())
        write_constant(graph, input, c->second.dims,
                       c->second.is_signed ? OnnxType::kInt8 : OnnxType::kUint8, c->second.data);
    }
}

void write_graph(std::string& bytes, const Network& network) {
  pbf_writer model(bytes);
  pbf_writer graph(model, 7);
  for (const Network::Node& node : network.nodes) {
    pbf_writer out(graph, 1);
    for (const std::string& input : node.inputs) out.add_string(1, input);
    out.add_string(2, node.output);
    out.add_string(3, node.output);  // the node's own name
    out.add_string(4, node.op);
    for (const Network::Attribute& attribute : node.attributes) write_attribute(out, attribute);
  }
  graph.add_string(2, kOnnxProducer);  // the graph's name
  write_constants(graph, network);
  for (const Network::Info& info : network.inputs)
    write_value_info(graph, 11, info.name, info.dims);
  for (const Network::Info& info : network.outputs)
    write_value_info(graph, 12, info.name, info.dims);
}

}  // namespace

std::string serialize(const Network& network, ModelInfo& info) {
  // More than all that is not weights.
  std::uint64_t size = 1024 * (network.nodes.size() + 8);
  for (const auto& [name, value] : network.constants) size += value.data.size() * sizeof(float);
  for (const auto& [name, value] : network.bytes) size += value.data.size();
  if (size > INT32_MAX)
    throw Error(ErrorCode::kUnsupported,
                join("onnx: want a model of at most 2 GB, got ", size >> 20, " MiB"),
                "protobuf, the format of ONNX files, ends there; take a smaller backbone");
  std::string bytes;
  bytes.reserve(size);  // the weights are copied into it once
  pbf_writer model(bytes);
  model.add_int64(1, kOnnxIrVersion);
  model.add_string(2, kOnnxProducer);
  write_graph(bytes, network);
  {
    pbf_writer opset(model, 8);
    opset.add_int64(2, kOnnxOpset);  // of the default domain
  }
  for (const auto& [key, value] : to_metadata(info))
    if (key != kFingerprintKey) bytes += metadata_entry(key, value);
  info.fingerprint = sha256_hex(bytes);
  return bytes += metadata_entry(kFingerprintKey, info.fingerprint);
}

}  // namespace shoplens
