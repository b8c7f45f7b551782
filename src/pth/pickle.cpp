// SPDX-License-Identifier: Apache-2.0
#include "pth/pickle.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>

namespace shoplens {
namespace {

using Kind = PickleNode::Kind;

// Memory that values may take: of a network's tensors they are 25 to 40 times the pickle, a list of
// small numbers is 100 times its own; from opcodes of one byte it could be 200 times.
constexpr std::uint64_t kMemoryPerByte = 128, kSpareMemory = 1 << 20, kMaxMemory = 512 << 20;
// Of what a few bytes of pickle can have copied again and again.
constexpr std::size_t kMaxDimensions = 64;  // of a torch::Tensor
constexpr std::size_t kMaxName = 1000;      // of a class or a storage

// What training scripts save beside the weights: their arguments, and scores that NumPy computed
// (in protocol 2 bytes are text that a codec encodes).
constexpr std::string_view kPlainClasses[] = {"argparse Namespace", "numpy.core.multiarray scalar",
                                              "numpy._core.multiarray scalar", "numpy dtype",
                                              "_codecs encode"};

class Machine {
 public:
  explicit Machine(ByteReader& in)
      : in_(in),
        memory_(
            std::min(kMaxMemory, kSpareMemory + kMemoryPerByte * std::min(in.left(), kMaxMemory))),
        room_(memory_) {}

  Pickle run() {
    while (step()) {
    }
    pickle_.root = pop();
    return std::move(pickle_);
  }

 private:
  // Python's Lib/pickle.py names the opcodes.
  bool step() {
    const auto opcode = in_.number<std::uint8_t>();
    // clang-format off
    switch (opcode) {
      case 0x80: protocol(in_.number<std::uint8_t>()); break;  // PROTO
      case 0x95: in_.take(8); break;  // FRAME
      case '.': return false;  // STOP
      case '(': marks_.push_back(stack_.size()); break;  // MARK
      case '0': pop(); break;  // POP
      case 'N': push_once(none_, {}); break;  // NONE
      case 0x88: push_once(true_, {.kind = Kind::kBool, .integer = 1}); break;  // NEWTRUE
      case 0x89: push_once(false_, {.kind = Kind::kBool, .integer = 0}); break;  // NEWFALSE
      case 'J': push_int(in_.number<std::int32_t>()); break;  // BININT
      case 'K': push_int(in_.number<std::uint8_t>()); break;  // BININT1
      case 'M': push_int(in_.number<std::uint16_t>()); break;  // BININT2
      case 0x8a: push_long(in_.take(in_.number<std::uint8_t>())); break;  // LONG1
      case 'G': push_float(in_.number<std::uint64_t>()); break;  // BINFLOAT
      case 'X': push_string(in_.take(in_.number<std::uint32_t>())); break;  // BINUNICODE
      case 'T': push_string(in_.take(in_.number<std::uint32_t>())); break;  // BINSTRING
      case 'B': push_string(in_.take(in_.number<std::uint32_t>())); break;  // BINBYTES
      case 'U': push_string(in_.take(in_.number<std::uint8_t>())); break;  // SHORT_BINSTRING
      case 'C': push_string(in_.take(in_.number<std::uint8_t>())); break;  // SHORT_BINBYTES
      case 0x8c: push_string(in_.take(in_.number<std::uint8_t>())); break;  // SHORT_BINUNICODE
      case 0x8d: push_string(in_.take(in_.number<std::uint64_t>())); break;  // BINUNICODE8
      case ')': push({.kind = Kind::kSequence}); break;  // EMPTY_TUPLE
      case ']': push({.kind = Kind::kSequence}); break;  // EMPTY_LIST
      case '}': push({.kind = Kind::kDict}); break;  // EMPTY_DICT
      case 't': push_sequence(pop_to_mark()); break;  // TUPLE
      case 'l': push_sequence(pop_to_mark()); break;  // LIST
      case 0x85: push_sequence(pop_last(1)); break;  // TUPLE1
      case 0x86: push_sequence(pop_last(2)); break;  // TUPLE2
      case 0x87: push_sequence(pop_last(3)); break;  // TUPLE3
      case 'a': append(pop_last(1)); break;  // APPEND
      case 'e': append(pop_to_mark()); break;  // APPENDS
      case 's': set_items(pop_last(2)); break;  // SETITEM
      case 'u': set_items(pop_to_mark()); break;  // SETITEMS
      case 'q': put(in_.number<std::uint8_t>()); break;  // BINPUT
      case 'r': put(in_.number<std::uint32_t>()); break;  // LONG_BINPUT
      case 0x94: put(memo_.size()); break;  // MEMOIZE
      case 'h': get(in_.number<std::uint8_t>()); break;  // BINGET
      case 'j': get(in_.number<std::uint32_t>()); break;  // LONG_BINGET
      case 'c': push_global(); break;  // GLOBAL
      case 0x93: push_stack_global(); break;  // STACK_GLOBAL
      case 'Q': persistent(); break;  // BINPERSID
      case 'R': reduce(); break;  // REDUCE
      case 0x81: reduce(); break;  // NEWOBJ
      case 'b': build(); break;  // BUILD
      // clang-format on
      default:
        throw Error(ErrorCode::kUnsupported,
                    join("checkpoint: want a pickle of tensors, got opcode ", int{opcode}, " at ",
                         in_.at() - 1, " (", in_.name(), ")"),
                    kHint);
    }
    return true;
  }

  static constexpr const char* kHint =
      "save the weights alone: torch.save(model.state_dict(), \"weights.pth\")";

  PickleNode& node(std::size_t place) { return pickle_.nodes[place]; }

  void push(PickleNode made) {
    const std::uint64_t taken = sizeof made + made.text.size() + made.type.size() +
                                8 * (made.items.size() + made.shape.size() + made.strides.size());
    if (taken > room_)
      in_.corrupt("want pickled values that take at most ", memory_, " bytes, got more");
    room_ -= taken;
    stack_.push_back(pickle_.nodes.size());
    pickle_.nodes.push_back(std::move(made));
  }
  // For what never changes: as in Python, there is one of it.
  void push_once(std::optional<std::size_t>& place, PickleNode constant) {
    if (place) return stack_.push_back(*place);
    place = pickle_.nodes.size();
    push(std::move(constant));
  }
  void push_int(std::int64_t value) { push({.kind = Kind::kInt, .integer = value}); }
  void push_float(std::uint64_t big_endian) {
    push({.kind = Kind::kFloat, .number = std::bit_cast<double>(__builtin_bswap64(big_endian))});
  }
  void push_string(std::string_view text) {
    push({.kind = Kind::kString, .text = std::string(text)});
  }
  void push_long(std::string_view bytes) {  // little-endian two's complement
    if (bytes.size() > 10)
      in_.corrupt("want whole numbers of at most 10 bytes, got ", bytes.size());
    std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;
    for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(bytes[i]);
    push_int(static_cast<std::int64_t>(value));
  }
  void push_sequence(std::vector<std::size_t> items) {
    push({.kind = Kind::kSequence, .items = std::move(items)});
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::size_t pop() { return pop_last(1)[0]; }
  std::vector<std::size_t> pop_last(std::size_t count) {
    if (stack_.size() < floor() + count)
      in_.corrupt("want a value on the pickle's stack, got none");
    std::vector<std::size_t> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<std::size_t> pop_to_mark() {
    if (marks_.empty()) in_.corrupt("want a mark on the pickle's stack, got none");
    auto items = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }
  PickleNode& top(Kind kind, const char* what) {
    if (stack_.size() <= floor() || node(stack_.back()).kind != kind)
      in_.corrupt("want ", what, " on the pickle's stack");
    return node(stack_.back());
  }

  void protocol(int version) {
    if (version < 2 || version > 5) in_.corrupt("want pickle protocol 2 to 5, got ", version);
  }
  void append(const std::vector<std::size_t>& items) {
    auto& list = top(Kind::kSequence, "a list").items;
    list.insert(list.end(), items.begin(), items.end());
  }
  void set_items(const std::vector<std::size_t>& items) {
    if (items.size() % 2) in_.corrupt("want a value for each key of a dictionary");
    auto& fields = top(Kind::kDict, "a dictionary").fields;
    for (std::size_t i = 0; i < items.size(); i += 2) fields.emplace_back(items[i], items[i + 1]);
  }
  void put(std::size_t place) {
    if (place > memo_.size()) in_.corrupt("want memo ", memo_.size(), " next, got ", place);
    if (stack_.size() <= floor()) in_.corrupt("want a value to remember, got none");
    if (place == memo_.size()) memo_.push_back(0);
    memo_[place] = stack_.back();
  }
  void get(std::size_t place) {
    if (place >= memo_.size())
      in_.corrupt("want one of ", memo_.size(), " remembered values, got ", place);
    stack_.push_back(memo_[place]);
  }

  void push_global() {
    const std::string module(in_.line());
    push({.kind = Kind::kGlobal, .text = module + " " + std::string(in_.line())});
  }
  void push_stack_global() {
    const auto words = pop_last(2);
    if (node(words[0]).kind != Kind::kString || node(words[1]).kind != Kind::kString)
      in_.corrupt("want a module and a name, got other values");
    push({.kind = Kind::kGlobal, .text = name_of(node(words[0])) + " " + name_of(node(words[1]))});
  }
  const std::string& name_of(const PickleNode& named) const {
    if (named.text.size() > kMaxName)
      in_.corrupt("want names of at most ", kMaxName, " bytes, got ", named.text.size());
    return named.text;
  }

  const PickleNode& item(std::size_t sequence, std::size_t i, Kind kind, const char* what) {
    const auto& items = node(sequence).items;
    if (i >= items.size() || node(items[i]).kind != kind)
      in_.corrupt("want ", what, " of a tensor, got another value");
    return node(items[i]);
  }
  std::vector<std::int64_t> numbers(const PickleNode& sequence) {
    if (sequence.items.size() > kMaxDimensions)
      in_.corrupt("want at most ", kMaxDimensions, " dimensions, got ", sequence.items.size());
    std::vector<std::int64_t> values;
    for (const std::size_t place : sequence.items) {
      if (node(place).kind != Kind::kInt) in_.corrupt("want whole numbers as a tensor's shape");
      values.push_back(node(place).integer);
    }
    return values;
  }

  // ("storage", torch.FloatStorage, key, device, elements[, view]): a tensor's memory, kept outside
  // of the pickle.
  void persistent() {
    const std::size_t id = pop();
    if (node(id).kind != Kind::kSequence) in_.corrupt("want a storage, got another value");
    const std::string word = item(id, 0, Kind::kString, "the word storage").text;
    const std::string type = name_of(item(id, 1, Kind::kGlobal, "a storage type"));
    if (word != "storage" || !type.starts_with("torch ")) refuse(type);
    const auto& items = node(id).items;
    if (items.size() > 5 && node(items[5]).kind != Kind::kNone)
      throw Error(ErrorCode::kUnsupported,
                  join("checkpoint: views of storages are not read (", in_.name(), ")"), kHint);
    push({.kind = Kind::kStorage,
          .integer = item(id, 4, Kind::kInt, "the size").integer,
          .text = name_of(item(id, 2, Kind::kString, "the key")),
          .type = type.substr(6)});
  }

  void reduce() {
    const std::size_t arguments = pop(), function = pop();
    if (node(function).kind != Kind::kGlobal || node(arguments).kind != Kind::kSequence)
      in_.corrupt("want a function and its arguments, got other values");
    const std::string& name = node(function).text;
    if (name == "collections OrderedDict" && node(arguments).items.empty()) {
      push({.kind = Kind::kDict});
    } else if (name == "torch Size") {
      stack_.push_back(item_place(arguments, 0, Kind::kSequence));
    } else if (name == "torch._utils _rebuild_parameter") {
      stack_.push_back(item_place(arguments, 0, Kind::kTensor));
    } else if (name == "torch._utils _rebuild_tensor_v2" ||
               name == "torch._utils _rebuild_tensor") {
      PickleNode tensor{.kind = Kind::kTensor};
      tensor.storage = item_place(arguments, 0, Kind::kStorage);
      tensor.integer = item(arguments, 1, Kind::kInt, "the offset").integer;
      tensor.shape = numbers(item(arguments, 2, Kind::kSequence, "the shape"));
      tensor.strides = numbers(item(arguments, 3, Kind::kSequence, "the strides"));
      if (tensor.shape.size() != tensor.strides.size())
        in_.corrupt("want a stride for each dimension of a tensor");
      push(std::move(tensor));
    } else if (std::ranges::find(kPlainClasses, name) != std::end(kPlainClasses)) {
      push({.kind = Kind::kPlain});
    } else {
      refuse(name);
    }
  }
  std::size_t item_place(std::size_t sequence, std::size_t i, Kind kind) {
    item(sequence, i, kind, "an argument");
    return node(sequence).items[i];
  }
  [[noreturn]] void refuse(std::string name) const {
    for (char& c : name) c = c == ' ' ? '.' : static_cast<unsigned char>(c) < 32 ? '?' : c;
    throw Error(ErrorCode::kUnsupported,
                join("checkpoint: want tensors, numbers and strings alone, got ",
                     name.substr(0, 100), " (", in_.name(), ")"),
                kHint);
  }

  // Attributes of a dictionary (a state_dict has _metadata) and of a plain object are left out;
  // nothing else may have any.
  void build() {
    pop();
    if (stack_.size() <= floor() || node(stack_.back()).kind != Kind::kPlain)
      top(Kind::kDict, "a dictionary");
  }

  ByteReader& in_;
  Pickle pickle_;
  std::vector<std::size_t> stack_, marks_, memo_;
  std::uint64_t memory_, room_;  // bytes of values, in all and still to come
  std::optional<std::size_t> none_, true_, false_;
};

}  // namespace

Pickle read_pickle(ByteReader& in) { return Machine(in).run(); }

}  // namespace shoplens
