// SPDX-License-Identifier: Apache-2.0
#include "data/csv.h"

#include <cstddef>
#include <sstream>

#include "core/error.h"

namespace shoplens {
namespace {

constexpr std::size_t kMaxRecord = 16 << 20;  // bytes; a longer one is an unclosed quote

}  // namespace

CsvReader::CsvReader(std::istream& in, std::string name)
    : in_(*in.rdbuf()), name_(std::move(name)) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  std::size_t same = 0;
  while (same < kMark.size() && in_.sgetc() == static_cast<unsigned char>(kMark[same])) {
    in_.sbumpc();
    ++same;
  }
  if (same < kMark.size())  // no byte order mark, but a letter that begins as it does
    for (; same > 0; --same) in_.sungetc();
}

std::optional<CsvRow> CsvReader::next() {
  while (skip_line_end()) {  // an empty line
  }
  if (at_end()) return std::nullopt;
  CsvRow row{line_, {}};
  left_ = kMaxRecord;
  for (;;) {
    const std::int64_t line = line_;
    row.fields.push_back(peek() == '"' ? quoted_field() : plain_field());
    if (row.fields.back().find('\0') != std::string::npos) fail(line, "want text, got a zero byte");
    if (!is_utf8(row.fields.back()))
      fail(line, join("want UTF-8, got other bytes in field ", row.fields.size()),
           "save the file as UTF-8");
    if (at_end() || skip_line_end()) return row;
    take();  // the comma
  }
}

std::string CsvReader::plain_field() {
  std::string field;
  while (!at_end() && peek() != ',' && peek() != '\n' && peek() != '\r') {
    if (peek() == '"')
      fail(line_, "want quotes around the whole field, got one inside it",
           "write \"a \"\"b\"\" c\" for a \"b\" c");
    field += take();
  }
  return field;
}

std::string CsvReader::quoted_field() {
  const std::int64_t opened = line_;
  std::string field;
  take();
  for (;;) {
    if (at_end()) fail(opened, "want a closing quote, got the end of the file");
    const char c = take();
    if (c == '"') {
      if (peek() != '"') break;
      take();  // a doubled quote is one
    } else if (c == '\n' || (c == '\r' && peek() != '\n')) {
      ++line_;
    }
    field += c;
  }
  if (!at_end() && peek() != ',' && peek() != '\n' && peek() != '\r')
    fail(line_, "want a comma after the closing quote, got more text");
  return field;
}

char CsvReader::take() {
  if (left_-- == 0)
    fail(line_, join("want a record of at most ", kMaxRecord >> 20, " MiB, got more"),
         "is a quote left open?");
  return static_cast<char>(in_.sbumpc());
}

bool CsvReader::skip_line_end() {
  const bool cr = peek() == '\r';
  if (cr) in_.sbumpc();
  const bool lf = peek() == '\n';
  if (lf) in_.sbumpc();
  if (cr || lf) ++line_;
  return cr || lf;
}

void CsvReader::fail(std::int64_t line, const std::string& what, const std::string& hint) const {
  throw Error(ErrorCode::kBadInput, join(name_, ":", line, ": ", what), hint);
}

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name) {
  std::istringstream in{std::string(text)};
  CsvReader reader(in, name);
  std::vector<CsvRow> rows;
  while (auto row = reader.next()) rows.push_back(std::move(*row));
  return rows;
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    const std::string& field = fields[i];
    // A lone empty field would be an empty line, which readers skip; a first field that begins with
    // the byte order mark's bytes would lose them.
    const bool quoted = field.find_first_of(",\"\r\n") != std::string::npos ||
                        (fields.size() == 1 && field.empty()) || field.starts_with("\xEF\xBB\xBF");
    if (!quoted) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + '\n';
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) -> unsigned {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
    };
    const unsigned lead = byte(i);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    const unsigned second = byte(i + 1);
    if (lead == 0xE0 && second < 0xA0) return false;  // overlong
    if (lead == 0xED && second > 0x9F) return false;  // surrogate
    if (lead == 0xF0 && second < 0x90) return false;  // overlong
    if (lead == 0xF4 && second > 0x8F) return false;  // above U+10FFFF
    i += length;
  }
  return true;
}

}  // namespace shoplens
