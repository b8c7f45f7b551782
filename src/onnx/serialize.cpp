// SPDX-License-Identifier: Apache-2.0
// Graph::serialize: the ModelProto of onnx.proto, by its field numbers.
#include <bit>
#include <protozero/pbf_writer.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "onnx/graph.h"
#include "onnx/model_proto.h"

namespace shoplens {
namespace {

using protozero::pbf_writer;
static_assert(std::endian::native == std::endian::little, "raw_data is little endian");

constexpr std::int32_t kFloat = 1, kInt64 = 7;  // TensorProto.DataType

void write_value_info(pbf_writer& graph, protozero::pbf_tag_type field, const std::string& name,
                      const std::vector<std::int64_t>& dims) {
  pbf_writer info(graph, field);
  info.add_string(1, name);
  pbf_writer type(info, 2);
  pbf_writer tensor(type, 1);  // tensor_type
  tensor.add_int32(1, kFloat);
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
                    const std::vector<std::int64_t>& dims, std::int32_t type,
                    const std::vector<T>& data) {
  pbf_writer tensor(graph, 5);  // initializer
  for (const std::int64_t size : dims) tensor.add_int64(1, size);
  tensor.add_int32(2, type);
  tensor.add_string(8, name);
  tensor.add_bytes(9, reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T));
}

}  // namespace

void Graph::write_graph(std::string& bytes) const {
  pbf_writer model(bytes);
  pbf_writer graph(model, 7);
  for (const Node& node : nodes_) {
    pbf_writer out(graph, 1);
    for (const std::string& input : node.inputs) out.add_string(1, input);
    out.add_string(2, node.output);
    out.add_string(3, node.output);  // the node's own name
    out.add_string(4, node.op);
    for (const Attribute& attribute : node.attributes) {
      pbf_writer a(out, 5);
      a.add_string(1, attribute.name);
      switch (attribute.type) {
        case Attribute::kInt:
          a.add_int64(3, attribute.ints.front());
          a.add_int32(20, 2);
          break;
        case Attribute::kInts:
          for (const std::int64_t number : attribute.ints) a.add_int64(8, number);
          a.add_int32(20, 7);
          break;
        case Attribute::kFloat:
          a.add_float(2, attribute.number);
          a.add_int32(20, 1);
          break;
        case Attribute::kString:
          a.add_bytes(4, attribute.text);
          a.add_int32(20, 3);
          break;
      }
    }
  }
  graph.add_string(2, "shoplens");
  for (const Node& node : nodes_)  // in the order they are read
    for (const std::string& input : node.inputs) {
      if (const auto found = constants_.find(input); found != constants_.end())
        write_constant(graph, input, found->second.dims, kFloat, found->second.data);
      if (const auto found = integers_.find(input); found != integers_.end())
        write_constant(graph, input, {static_cast<std::int64_t>(found->second.size())}, kInt64,
                       found->second);
    }
  for (const Info& info : inputs_) write_value_info(graph, 11, info.name, info.dims);
  for (const Info& info : outputs_) write_value_info(graph, 12, info.name, info.dims);
}

std::string Graph::serialize(ModelInfo& info) const {
  std::uint64_t size = 1024 * (nodes_.size() + 8);  // more than all that is not weights
  for (const auto& [name, value] : constants_) size += value.data.size() * sizeof(float);
  if (size > INT32_MAX)
    throw Error(ErrorCode::kUnsupported,
                join("onnx: want a model of at most 2 GB, got ", size >> 20, " MiB"),
                "protobuf, the format of ONNX files, ends there; take a smaller backbone");
  std::string bytes;
  bytes.reserve(size);  // the weights are copied into it once
  pbf_writer model(bytes);
  model.add_int64(1, kOnnxIrVersion);
  model.add_string(2, kOnnxProducer);
  write_graph(bytes);
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
