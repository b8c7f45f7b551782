// SPDX-License-Identifier: Apache-2.0
#include "data/npy.h"

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace shoplens {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the data is written and read as it lies in memory");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kHeaderSize = 128;  // a multiple of 64, with room for any two 64-bit sizes

// The header is a Python dict literal with three known keys. This reads that, in any order and
// spacing, and nothing else.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void parse() {
    want('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      want(':');
      if (key == "descr" && !descr)
        descr = quoted();
      else if (key == "fortran_order" && !fortran_order)
        fortran_order = boolean();
      else if (key == "shape" && !shape)
        shape = tuple();
      else
        fail("want the keys descr, fortran_order and shape once each");
      if (!take(',')) {
        want('}');
        break;
      }
    }
    skip_space();
    if (!text_.empty()) fail("want nothing after the header's }");
    if (!descr || !fortran_order || !shape)
      fail("want the keys descr, fortran_order and shape once each");
  }

  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;

 private:
  std::string_view quoted() {
    skip_space();
    const char quote = text_.empty() ? '\0' : text_.front();
    const std::size_t end = text_.find(quote, 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos)
      fail("want a quoted word");
    const std::string_view word = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return word;
  }

  bool boolean() {
    skip_space();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return value;
    }
    fail("want True or False");
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    want('(');
    while (!take(')')) {
      skip_space();
      std::int64_t value = -1;
      const auto [end, status] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (status != std::errc{} || value < 0) fail("want whole numbers in the shape");
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      values.push_back(value);
      if (!take(',')) {
        want(')');
        break;
      }
    }
    return values;
  }

  bool take(char c) {
    skip_space();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void want(char c) {
    if (!take(c)) fail(join("want ", c));
  }
  void skip_space() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n'))
      text_.remove_prefix(1);
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorrupt, join("npy header: ", what, " (", name_, ")"));
  }

  std::string_view text_;
  const std::string& name_;
};

struct Layout {
  std::string_view header, data;
};

Layout split(std::string_view bytes, const std::string& name) {
  const auto byte = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at]));
  };
  if (!bytes.starts_with(kMagic) || bytes.size() < 12)
    throw Error(ErrorCode::kCorrupt,
                join("npy: want a .npy file, got another or a truncated one (", name, ")"));
  const std::size_t version = byte(6);
  if (version < 1 || version > 3)
    throw Error(ErrorCode::kUnsupported,
                join("npy: want format 1 to 3, got ", version, " (", name, ")"));
  // Format 1 has a 2-byte header length, the later ones 4 bytes.
  const std::size_t start = version == 1 ? 10 : 12;
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - start)
    throw Error(ErrorCode::kCorrupt, join("npy: want a header of ", length, " bytes, got ",
                                          bytes.size() - start, " (", name, ")"));
  return {bytes.substr(start, length), bytes.substr(start + length)};
}

}  // namespace

std::string npy_header(std::int64_t rows, int dim) {
  std::string text =
      join("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ", dim, "), }");
  text.resize(kHeaderSize - 10 - 1, ' ');  // 10: magic, version, length
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(kHeaderSize - 10), '\x00'};
  return bytes + text + '\n';
}

NpyWriter::NpyWriter(std::filesystem::path path, int dim) : file_(std::move(path)), dim_(dim) {
  check(dim > 0, "npy: want dim above 0, got ", dim);
  file_.stream() << npy_header(0, dim_);  // its place; commit() knows the rows
}

void NpyWriter::append(std::span<const float> rows) {
  check(rows.size() % static_cast<std::size_t>(dim_) == 0, "npy: want whole rows of ", dim_,
        " floats, got ", rows.size());
  file_.stream().write(reinterpret_cast<const char*>(rows.data()),
                       static_cast<std::streamsize>(rows.size_bytes()));
  rows_ += static_cast<std::int64_t>(rows.size()) / dim_;
}

void NpyWriter::commit() {
  file_.stream().seekp(0);
  file_.stream() << npy_header(rows_, dim_);
  file_.commit();
}

void write_npy(const std::filesystem::path& path, std::span<const float> values, int dim) {
  NpyWriter writer(path, dim);
  writer.append(values);
  writer.commit();
}

NpyMatrix read_npy(const std::filesystem::path& path) {
  const std::string bytes = read_file(path), name = path.string();
  const Layout layout = split(bytes, name);
  HeaderParser header(layout.header, name);
  header.parse();
  if (*header.descr != "<f4" || *header.fortran_order || header.shape->size() != 2)
    throw Error(ErrorCode::kUnsupported,
                join("npy: want a C-order float32 (<f4) matrix, got ", *header.descr, " in ",
                     header.shape->size(), " dimensions",
                     *header.fortran_order ? ", Fortran order" : "", " (", name, ")"),
                "in Python: numpy.save(path, numpy.ascontiguousarray(x, dtype='float32'))");
  const std::uint64_t rows = static_cast<std::uint64_t>((*header.shape)[0]);
  const std::uint64_t dim = static_cast<std::uint64_t>((*header.shape)[1]);
  const std::uint64_t floats = layout.data.size() / sizeof(float);
  // rows <= floats / dim first, so that the product cannot overflow.
  if (layout.data.size() % sizeof(float) != 0 || (dim > 0 && rows > floats / dim) ||
      rows * dim != floats)
    throw Error(ErrorCode::kCorrupt, join("npy: want ", rows, " x ", dim, " floats, got ",
                                          layout.data.size(), " bytes (", name, ")"));
  NpyMatrix matrix{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(dim),
                   std::vector<float>(floats)};
  if (floats > 0) std::memcpy(matrix.values.data(), layout.data.data(), layout.data.size());
  return matrix;
}

}  // namespace shoplens
