// SPDX-License-Identifier: Apache-2.0
#include "onnx/model_file.h"

#include <algorithm>
#include <fstream>
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

// The top level of a file.
struct ModelProto {
  std::map<std::string, std::string> metadata;
  std::string producer;
  std::string_view graph;
};

ModelProto parse(std::string_view bytes, const fs::path& path) {
  using protozero::pbf_wire_type;
  constexpr auto kMessage = pbf_wire_type::length_delimited;
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
      } else if (model.tag_and_type() == protozero::tag_and_type(7, kMessage)) {
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

}  // namespace

ModelFile::ModelFile(const fs::path& path) : path_(path), file_(path) {
  const ModelProto model = parse(file_.bytes(), path);
  check_is_ours(model, path);
  info_ = from_metadata(model.metadata, path);
  graph_ = model.graph;
}

void ModelFile::check_content() const {
  const std::string& written = info_.fingerprint;
  const std::string entry = metadata_entry(kFingerprintKey, written);
  if (!file_.bytes().ends_with(entry))
    corrupt_model("want the fingerprint at the end, got other data after it", path_);
  // Read, not from the mapping: all of it would be in memory at once.
  std::ifstream in = open_file(path_);
  std::string piece(1 << 18, '\0');
  Sha256 hash;
  for (std::size_t left = file_.bytes().size() - entry.size(); left > 0 && in;) {
    in.read(piece.data(), static_cast<std::streamsize>(std::min(left, piece.size())));
    const auto count = static_cast<std::size_t>(in.gcount());
    hash.update({piece.data(), count});
    left -= count;
  }
  const std::string got = hash.hex();
  if (got != written)
    corrupt_model(join("changed after it was written: want fingerprint ", written, ", got ", got),
                  path_, "take the file from where it was made again, or repeat `shoplens export`");
}

ModelInfo read_model_info(const fs::path& path) {
  const ModelFile file(path);
  file.check_content();
  return file.info();
}

}  // namespace shoplens
