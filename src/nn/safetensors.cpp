// SPDX-License-Identifier: Apache-2.0
// The format: https://huggingface.co/docs/safetensors, "Format"; docs/formats.md has what we add to
// it.
#include "nn/safetensors.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;
static_assert(std::endian::native == std::endian::little, "tensors are stored little endian");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // as the reference reader
constexpr std::size_t kMaxDimensions = 64;         // of a torch::Tensor
constexpr int kMaxDepth = 3;                       // { tensor: { shape: [

struct ElementType {
  const char* name;
  torch::ScalarType scalar;
};
constexpr ElementType kTypes[] = {{"F64", torch::kDouble}, {"F32", torch::kFloat},
                                  {"F16", torch::kHalf},   {"BF16", torch::kBFloat16},
                                  {"I64", torch::kLong},   {"I32", torch::kInt},
                                  {"U8", torch::kByte},    {"BOOL", torch::kBool}};

/// One entry of the header.
struct Entry {
  std::string name;
  torch::ScalarType type{};
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // in the data, bytes
};

/// The file being read: what its errors name.
struct Source {
  const fs::path& path;
  template <class... Parts>
  [[noreturn]] void corrupt(const Parts&... parts) const {
    throw Error(ErrorCode::kCorrupt, join("safetensors: ", parts..., " (", path.string(), ")"));
  }
};

// Rejects duplicate keys and deep nesting while the text is read, before they cost memory.
Json parse_header(const std::string& text, const Source& source) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kMaxDepth)
        source.corrupt("want a header of depth ", kMaxDepth, ", got a deeper one");
    }
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second)
      source.corrupt("want each name once, got ", parsed.get<std::string>(), " twice");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& e) {
    source.corrupt("the header is not JSON: ", e.what());
  }
}

torch::ScalarType type_of(const std::string& tensor, const Json& name, const Source& source) {
  std::string all;
  for (const ElementType& type : kTypes) {
    if (name == type.name) return type.scalar;
    all += (all.empty() ? std::string() : ", ") + type.name;
  }
  throw Error(ErrorCode::kUnsupported,
              join("safetensors: ", tensor, ": want a type of ", all, ", got ", name.dump(), " (",
                   source.path.string(), ")"));
}

// The bytes of a tensor. A dimension of 0 does not hide that the others are too large.
std::uint64_t byte_size(const Entry& entry, const Source& source) {
  std::int64_t most = static_cast<std::int64_t>(torch::elementSize(entry.type));
  bool empty = false;
  for (const std::int64_t dim : entry.shape) {
    empty |= dim == 0;
    if (__builtin_mul_overflow(most, std::max<std::int64_t>(dim, 1), &most))
      source.corrupt(entry.name, ": want a shape under 2^63 bytes, got ",
                     c10::IntArrayRef(entry.shape));
  }
  return empty ? 0 : static_cast<std::uint64_t>(most);
}

Entry parse_entry(const std::string& name, const Json& json, const Source& source) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    source.corrupt(name, ": want dtype, shape and data_offsets, got ", json.dump().substr(0, 200));
  const Json &shape = json["shape"], &offsets = json["data_offsets"];
  const auto whole = [](const Json& number) {
    return number.is_number_unsigned() && number.get<std::uint64_t>() <= INT64_MAX;
  };
  if (!shape.is_array() || shape.size() > kMaxDimensions ||
      !std::all_of(shape.begin(), shape.end(), whole))
    source.corrupt(name, ": want a shape of at most ", kMaxDimensions, " whole numbers, got ",
                   shape.dump().substr(0, 200));
  if (!offsets.is_array() || offsets.size() != 2 ||
      !std::all_of(offsets.begin(), offsets.end(), whole))
    source.corrupt(name, ": want two data_offsets, got ", offsets.dump().substr(0, 200));
  Entry entry{name, type_of(name, json["dtype"], source), shape.get<std::vector<std::int64_t>>(),
              offsets[0], offsets[1]};
  const std::uint64_t size = byte_size(entry, source);
  if (entry.begin > entry.end || entry.end - entry.begin != size)
    source.corrupt(name, ": want data_offsets ", size, " bytes apart, got ", entry.begin, " and ",
                   entry.end);
  return entry;
}

std::map<std::string, std::string> parse_metadata(const Json& json, const Source& source) {
  std::map<std::string, std::string> metadata;
  if (!json.is_object()) source.corrupt("__metadata__: want an object, got ", json.type_name());
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string())
      source.corrupt("__metadata__: want a string for ", key, ", got ", value.type_name());
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// The tensors must cover the data from its first byte to its last, one after the other.
void check_cover(const std::vector<Entry>& entries, std::uint64_t data_size, const Source& source) {
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at)
      source.corrupt(entry.name, ": want its data at ", at, ", got ", entry.begin,
                     ": a hole or an overlap");
    at = entry.end;
  }
  if (at != data_size) source.corrupt("want ", at, " bytes of data, got ", data_size);
}

torch::Tensor read_tensor(std::ifstream& in, const Entry& entry, const Source& source) {
  torch::Tensor tensor = torch::empty(entry.shape, torch::TensorOptions(entry.type));
  const auto size = static_cast<std::streamsize>(entry.end - entry.begin);
  auto* const data = static_cast<char*>(tensor.data_ptr());
  if (size > 0 && !in.read(data, size))
    source.corrupt(entry.name, ": want ", size, " bytes, got ", in.gcount());
  if (entry.type == torch::kBool &&
      std::any_of(data, data + size, [](char c) { return c != 0 && c != 1; }))
    source.corrupt(entry.name, ": want BOOL bytes 0 and 1, got another");
  return tensor;
}

std::string read_header(std::ifstream& in, std::uint64_t file_size, const Source& source) {
  std::uint64_t length = 0;
  if (file_size < sizeof length)
    source.corrupt("want a header, got a file of ", file_size, " bytes");
  in.read(reinterpret_cast<char*>(&length), sizeof length);
  if (length > kMaxHeader)
    source.corrupt("want a header of at most ", kMaxHeader, " bytes, got ", length);
  if (length > file_size - sizeof length)
    source.corrupt("want a header of ", length, " bytes, got ", file_size - sizeof length);
  std::string text(length, '\0');
  in.read(text.data(), static_cast<std::streamsize>(length));
  if (!in || !text.starts_with('{')) source.corrupt("want a header that starts with {");
  return text;
}

const char* type_name(const std::string& tensor, torch::ScalarType scalar) {
  for (const ElementType& type : kTypes)
    if (type.scalar == scalar) return type.name;
  throw Error(ErrorCode::kUnsupported,
              join("safetensors: ", tensor, ": no type for ", torch::toString(scalar)));
}

std::string header_text(const NamedTensors& tensors,
                        const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    check(name != "__metadata__" && !header.contains(name),
          "safetensors: want each name once, got ", name, " twice");
    const std::uint64_t end = at + tensor.nbytes();
    header[name] = {{"dtype", type_name(name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data starts at a multiple of 8
  return text;
}

}  // namespace

Safetensors read_safetensors(const fs::path& path) {
  const Source source{path};
  std::ifstream in = open_file(path);
  const std::uint64_t file_size = fs::file_size(path);
  const std::string text = read_header(in, file_size, source);
  const Json header = parse_header(text, source);
  Safetensors file;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__")
      file.metadata = parse_metadata(value, source);
    else
      entries.push_back(parse_entry(name, value, source));
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  check_cover(entries, file_size - sizeof(std::uint64_t) - text.size(), source);
  for (const Entry& entry : entries)
    file.tensors.emplace_back(entry.name, read_tensor(in, entry, source));
  return file;
}

void write_safetensors(const fs::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = header_text(tensors, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.stream().write(reinterpret_cast<const char*>(&length), sizeof length);
  file.stream() << header;
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor flat = tensor.detach().to(torch::kCPU).contiguous();
    file.stream().write(static_cast<const char*>(flat.const_data_ptr()),
                        static_cast<std::streamsize>(flat.nbytes()));
  }
  file.commit();
}

}  // namespace shoplens
