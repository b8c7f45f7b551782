// SPDX-License-Identifier: Apache-2.0
#include "pth/pth.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "core/files.h"
#include "pth/pickle.h"
#include "pth/zip_archive.h"

namespace shoplens {
namespace {

using Kind = PickleNode::Kind;

const std::map<std::string, std::uint64_t> kItemSize{
    {"Double", 8},   {"Long", 8},  {"Float", 4}, {"Int", 4},  {"Half", 2},
    {"BFloat16", 2}, {"Short", 2}, {"Char", 1},  {"Byte", 1}, {"Bool", 1}};

// What a storage's pickled class is called, without "Storage".
std::string type_of(const PickleNode& storage, const ByteReader& in) {
  std::string type = storage.type;
  if (type.ends_with("Storage")) type.resize(type.size() - 7);
  if (!kItemSize.count(type))
    throw Error(ErrorCode::kUnsupported, join("checkpoint: want tensors of real numbers, got ",
                                              storage.type.substr(0, 50), " (", in.name(), ")"));
  return type;
}

constexpr std::size_t kMaxName = 1000;  // of a tensor

using StorageBytes = std::function<std::string_view(const PickleNode& storage)>;

struct Reader {
  const Pickle& pickle;
  const ByteReader& in;
  const StorageBytes& storage_bytes;
  std::uint64_t
      room;  // bytes that tensors may still take: they may share storages, but not without end
  std::vector<PthTensor> tensors{};

  void take_room(const std::string& name, const PickleNode& tensor, std::uint64_t bytes) {
    bytes += sizeof(PthTensor) + name.size() + tensor.shape.size() * sizeof(std::int64_t);
    if (bytes > room) in.corrupt("want tensors not much larger than the file, got more");
    room -= bytes;
  }

  // The elements that shape and strides choose, one after the other.
  std::string gather(const PickleNode& tensor, std::string_view storage, std::uint64_t item,
                     const std::string& name) {
    const auto elements = storage.size() / item;
    std::uint64_t count = 1, last = static_cast<std::uint64_t>(tensor.integer);
    bool wrong = tensor.integer < 0;
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      wrong |= tensor.strides[d] < 0;
      wrong |= __builtin_mul_overflow(count, static_cast<std::uint64_t>(tensor.shape[d]), &count);
    }
    for (std::size_t d = 0; d < tensor.shape.size() && !wrong && count > 0; ++d) {
      std::uint64_t reach;
      wrong |= __builtin_mul_overflow(static_cast<std::uint64_t>(tensor.shape[d] - 1),
                                      static_cast<std::uint64_t>(tensor.strides[d]), &reach);
      wrong |= __builtin_add_overflow(last, reach, &last);
    }
    if (wrong || (count > 0 && (last >= elements || count > elements)))
      in.corrupt(name, ": want a tensor inside its ", elements,
                 " elements, got one that goes beyond");
    take_room(name, tensor, count * item);
    std::string bytes;
    bytes.reserve(count * item);
    std::vector<std::int64_t> index(tensor.shape.size(), 0);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto at = static_cast<std::uint64_t>(tensor.integer);
      for (std::size_t d = 0; d < index.size(); ++d)
        at += static_cast<std::uint64_t>(index[d] * tensor.strides[d]);
      bytes.append(storage, at * item, item);
      for (std::size_t d = index.size(); d-- > 0 && ++index[d] == tensor.shape[d];) index[d] = 0;
    }
    return bytes;
  }

  bool is_row_major(const PickleNode& tensor) const {
    std::int64_t stride = 1;
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
      if (tensor.shape[d] != 1 && tensor.strides[d] != stride) return false;
      if (__builtin_mul_overflow(stride, tensor.shape[d], &stride)) return false;
    }
    return true;
  }

  void add(const std::string& name, const PickleNode& tensor) {
    const PickleNode& storage = pickle.nodes[tensor.storage];
    const std::string type = type_of(storage, in);
    const std::uint64_t item = kItemSize.at(type);
    std::string_view bytes = storage_bytes(storage);
    if (std::any_of(tensor.shape.begin(), tensor.shape.end(),
                    [](std::int64_t side) { return side < 0; }))
      in.corrupt(name, ": want a shape of whole numbers, got a negative one");
    if (is_row_major(tensor) && tensor.integer >= 0) {  // at once
      std::uint64_t count = 1;
      for (const std::int64_t side : tensor.shape) count *= static_cast<std::uint64_t>(side);
      const std::uint64_t elements = bytes.size() / item,
                          offset = static_cast<std::uint64_t>(tensor.integer);
      if (offset > elements || count > elements - offset)
        in.corrupt(name, ": want a tensor inside its ", elements,
                   " elements, got one that goes beyond");
      take_room(name, tensor, count * item);
      tensors.push_back(
          {name, type, tensor.shape, std::string(bytes.substr(offset * item, count * item))});
    } else {
      tensors.push_back({name, type, tensor.shape, gather(tensor, bytes, item, name)});
    }
  }

  // A name is copied as often as it is given. Of two alike Python takes the last, and others may
  // take the first: weights that depend on who reads them.
  void check_names(const PickleNode& dict) const {
    std::set<std::string_view> names;
    for (const auto& [key, value] : dict.fields) {
      const PickleNode& name = pickle.nodes[key];
      if (name.kind != Kind::kString) continue;
      if (name.text.size() > kMaxName)
        in.corrupt("want names of at most ", kMaxName, " bytes, got ", name.text.substr(0, 50),
                   "... of ", name.text.size());
      if (!names.insert(name.text).second)
        in.corrupt("want each name once, got ", name.text.substr(0, 100), " again");
    }
  }

  // Every tensor of a dictionary that has names for keys; the rest is left out.
  void read(const PickleNode& dict) {
    for (const auto& [key, value] : dict.fields) {
      const PickleNode &name = pickle.nodes[key], &tensor = pickle.nodes[value];
      if (name.kind == Kind::kString && tensor.kind == Kind::kTensor) add(name.text, tensor);
    }
  }

  const PickleNode* dict_named(const PickleNode& dict, const char* wanted) const {
    for (const auto& [key, value] : dict.fields)
      if (pickle.nodes[key].kind == Kind::kString && pickle.nodes[key].text == wanted &&
          pickle.nodes[value].kind == Kind::kDict)
        return &pickle.nodes[value];
    return nullptr;
  }

  std::vector<PthTensor> run() {
    const PickleNode& root = pickle.nodes[pickle.root];
    if (root.kind != Kind::kDict) in.corrupt("want a dictionary of tensors, got another value");
    check_names(root);
    for (const char* name : {"state_dict_ema", "state_dict", "model_state_dict", "model"}) {
      const PickleNode* const inner = dict_named(root, name);
      if (inner) {
        check_names(*inner);
        read(*inner);
      }
      if (!tensors.empty()) return std::move(tensors);
    }
    read(root);
    if (tensors.empty()) in.corrupt("want a state_dict, got a dictionary without tensors");
    return std::move(tensors);
  }
};

constexpr std::uint64_t kMostCopies = 4;

std::vector<PthTensor> parse_zip(std::string_view bytes, const std::string& name) {
  const auto entries = read_zip(bytes, name);
  const auto pickle_entry = std::find_if(entries.begin(), entries.end(), [](const auto& entry) {
    return entry.first == "data.pkl" || entry.first.ends_with("/data.pkl");
  });
  ByteReader whole(bytes, name);
  if (pickle_entry == entries.end()) whole.corrupt("want an entry data.pkl, got none");
  const std::string folder =
      pickle_entry->first.substr(0, pickle_entry->first.size() - std::string("data.pkl").size());
  const auto order = entries.find(folder + "byteorder");
  if (order != entries.end() && order->second != "little")
    throw Error(ErrorCode::kUnsupported,
                join("checkpoint: want little-endian numbers (", name, ")"));
  ByteReader in(pickle_entry->second, name);
  const Pickle pickle = read_pickle(in);
  const StorageBytes storage_bytes = [&](const PickleNode& storage) {
    const auto found = entries.find(folder + "data/" + storage.text);
    if (found == entries.end())
      in.corrupt("want the entry data/", storage.text.substr(0, 50), ", got none");
    return found->second;
  };
  return Reader{pickle, in, storage_bytes, kMostCopies * bytes.size()}.run();
}

// Before 1.6: pickles of a magic number, a version, the system's facts, the value, the storages'
// keys; then the storages, each its number of elements and the elements.
std::vector<PthTensor> parse_legacy(std::string_view bytes, const std::string& name) {
  ByteReader in(bytes, name);
  for (int i = 0; i < 3; ++i) read_pickle(in);
  const Pickle pickle = read_pickle(in), keys = read_pickle(in);
  std::map<std::string, std::uint64_t> item_sizes;
  for (const PickleNode& node : pickle.nodes)
    if (node.kind == Kind::kStorage) item_sizes[node.text] = kItemSize.at(type_of(node, in));
  std::map<std::string, std::string_view> storages;
  for (const std::size_t place : keys.nodes[keys.root].items) {
    const std::string& key = keys.nodes[place].text;
    const auto item_size = item_sizes.find(key);
    if (item_size == item_sizes.end())
      in.corrupt("want the key of a storage, got ", key.substr(0, 50));
    std::uint64_t size = in.number<std::uint64_t>();
    if (__builtin_mul_overflow(size, item_size->second, &size))
      in.corrupt("want a storage of the file's size, got a larger one");
    storages[key] = in.take(size);
  }
  const StorageBytes storage_bytes = [&](const PickleNode& storage) {
    const auto found = storages.find(storage.text);
    if (found == storages.end())
      in.corrupt("want the storage ", storage.text.substr(0, 50), ", got none");
    return found->second;
  };
  return Reader{pickle, in, storage_bytes, kMostCopies * bytes.size()}.run();
}

}  // namespace

bool looks_like_pth(std::string_view first) {
  return first.starts_with("PK\x03\x04") ||
         (first.size() > 1 && first[0] == '\x80' && first[1] >= 2 && first[1] <= 5);
}

std::vector<PthTensor> parse_pth(std::string_view bytes, const std::string& name) {
  return bytes.starts_with("PK") ? parse_zip(bytes, name) : parse_legacy(bytes, name);
}

std::vector<PthTensor> read_pth(const std::filesystem::path& path) {
  return parse_pth(read_file(path), path.string());
}

}  // namespace shoplens
