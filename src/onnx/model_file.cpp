// SPDX-License-Identifier: Apache-2.0
#include "onnx/model_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "onnx/model_proto.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr auto kMessage = protozero::pbf_wire_type::length_delimited;
constexpr std::uint32_t kGraphField = 7;

// The top level of a file.
struct ModelProto {
  std::map<std::string, std::string> metadata;
  std::string producer;
  std::string_view graph;
};

ModelProto parse(std::string_view bytes, const fs::path& path) {
  ModelProto parsed;
  bool has_graph = false;
  try {
    protozero::pbf_reader model(bytes.data(), bytes.size());
    while (model.next()) {
      if (model.tag_and_type() == protozero::tag_and_type(14, kMessage)) {
        protozero::pbf_reader entry = model.get_message();
        std::string key, value;
        while (entry.next()) {
          if (entry.tag() == 1)
            key = entry.get_string();
          else if (entry.tag() == 2)
            value = entry.get_string();
          else
            entry.skip();
        }
        if (!parsed.metadata.emplace(key, value).second)
          corrupt_model("metadata has " + key + " twice", path);
      } else if (model.tag_and_type() == protozero::tag_and_type(2, kMessage)) {
        parsed.producer = model.get_string();
      } else if (model.tag_and_type() == protozero::tag_and_type(kGraphField, kMessage)) {
        const auto view = model.get_view();
        parsed.graph = {view.data(), view.size()};
        has_graph = true;
      } else {
        model.skip();
      }
    }
  } catch (const protozero::exception& e) {
    corrupt_model(join("not an ONNX file, or cut short: ", e.what()), path);
  }
  if (!has_graph) corrupt_model("not an ONNX file, or cut short: no graph", path);
  return parsed;
}

void check_is_ours(const ModelProto& model, const fs::path& path) {
  if (model.producer == kOnnxProducer || model.metadata.contains(kFormatKey)) return;
  throw Error(
      ErrorCode::kUnsupported,
      join("model: want an ONNX file written by shoplens, got one by ",
           model.producer.empty() ? "another program" : model.producer, " (", path.string(), ")"),
      "make one with `shoplens import` (from weights) or `shoplens export` (from a run)");
}

// A file without what is in its graph, which is nearly all of it. What is no protobuf ends where
// that shows, for parse() to say so.
std::string without_graph(std::istream& in, std::uint64_t size) {
  std::string bytes;
  std::uint64_t at = 0;
  const auto copy = [&](std::uint64_t count) {
    const std::size_t have = bytes.size();
    bytes.resize(have + std::min(count, size - at));
    in.read(bytes.data() + have, static_cast<std::streamsize>(bytes.size() - have));
    at += count;
  };
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && at < size && in; shift += 7) {
      copy(1);
      const auto byte = static_cast<unsigned char>(bytes.back());
      value |= std::uint64_t{byte & 127u} << shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < size && in) {
    const std::uint64_t tag = varint();
    if (tag == protozero::tag_and_type(kGraphField, kMessage)) {
      const std::size_t length_at = bytes.size();
      const std::uint64_t length = varint();
      if (length > size - at) break;
      in.seekg(static_cast<std::streamoff>(length), std::ios::cur);
      at += length;
      bytes.resize(length_at);
      bytes += '\0';  // empty
    } else if ((tag & 7) == 0) {
      varint();
    } else if ((tag & 7) == 1) {
      copy(8);
    } else if ((tag & 7) == 2) {
      copy(varint());
    } else if ((tag & 7) == 5) {
      copy(4);
    } else {
      break;
    }
  }
  return bytes;
}

std::string fingerprint_entry(const ModelInfo& info) {
  return metadata_entry(kFingerprintKey, info.fingerprint);
}

// Of a whole file or one without_graph: what it says of itself, and its graph.
std::pair<ModelInfo, std::string_view> read_top_level(std::string_view bytes,
                                                      const fs::path& path) {
  const ModelProto model = parse(bytes, path);
  check_is_ours(model, path);
  ModelInfo info = from_metadata(model.metadata, path);
  if (!bytes.ends_with(fingerprint_entry(info)))
    corrupt_model("want the fingerprint at the end, got other data after it", path);
  return {std::move(info), model.graph};
}

void check_fingerprint(const std::string& got, const ModelInfo& info, const fs::path& path) {
  if (got != info.fingerprint)
    corrupt_model(
        join("changed after it was written: want fingerprint ", info.fingerprint, ", got ", got),
        path, "take the file from where it was made again, or repeat `shoplens export`");
}

}  // namespace

std::pair<ModelInfo, std::string_view> check_model(std::string_view bytes, const fs::path& path) {
  auto top = read_top_level(bytes, path);
  const std::size_t hashed = bytes.size() - fingerprint_entry(top.first).size();
  check_fingerprint(sha256_hex(bytes.substr(0, hashed)), top.first, path);
  return top;
}

ModelFile::ModelFile(const fs::path& path) : path_(path), in_(open_file(path)) {
  in_.seekg(0, std::ios::end);
  size_ = static_cast<std::uint64_t>(std::max<std::streamoff>(0, in_.tellg()));
  in_.seekg(0);
  info_ = read_top_level(without_graph(in_, size_), path).first;
}

void ModelFile::check_content() {
  in_.clear();
  in_.seekg(0);
  std::string piece(1 << 18, '\0');
  Sha256 hash;
  for (std::uint64_t left = size_ - fingerprint_entry(info_).size(); left > 0 && in_;) {
    in_.read(piece.data(),
             static_cast<std::streamsize>(std::min<std::uint64_t>(left, piece.size())));
    const auto count = static_cast<std::size_t>(in_.gcount());
    hash.update({piece.data(), count});
    left -= count;
  }
  if (in_.bad())
    throw Error(ErrorCode::kIo,
                join("cannot read: ", std::strerror(errno), " (", path_.string(), ")"));
  check_fingerprint(hash.hex(), info_, path_);
}

ModelInfo read_model_info(const fs::path& path) {
  ModelFile file(path);
  file.check_content();
  return file.info();
}

}  // namespace shoplens
