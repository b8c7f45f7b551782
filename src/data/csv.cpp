// SPDX-License-Identifier: Apache-2.0
#include "data/csv.h"

#include <cstddef>

#include "core/error.h"

namespace shoplens {
namespace {

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  std::vector<CsvRow> parse() {
    std::vector<CsvRow> rows;
    while (at_ < text_.size()) {
      if (skip_line_end()) continue;  // an empty line
      rows.push_back(parse_row());
    }
    return rows;
  }

 private:
  CsvRow parse_row() {
    CsvRow row{line_, {}};
    for (;;) {
      const std::int64_t line = line_;
      row.fields.push_back(peek() == '"' ? quoted_field() : plain_field());
      if (row.fields.back().find('\0') != std::string::npos)
        fail(line, "want text, got a zero byte");
      if (!is_utf8(row.fields.back()))
        fail(line, join("want UTF-8, got other bytes in field ", row.fields.size()),
             "save the file as UTF-8");
      if (at_ == text_.size() || skip_line_end()) return row;
      ++at_;  // the comma
    }
  }

  std::string plain_field() {
    const std::size_t first = at_;
    while (at_ < text_.size() && peek() != ',' && peek() != '\n' && peek() != '\r') {
      if (peek() == '"')
        fail(line_, "want quotes around the whole field, got one inside it",
             "write \"a \"\"b\"\" c\" for a \"b\" c");
      ++at_;
    }
    return std::string(text_.substr(first, at_ - first));
  }

  std::string quoted_field() {
    const std::int64_t opened = line_;
    std::string field;
    ++at_;
    for (;;) {
      if (at_ == text_.size()) fail(opened, "want a closing quote, got the end of the file");
      const char c = text_[at_++];
      if (c == '"') {
        if (peek() != '"') break;
        ++at_;  // a doubled quote is one
      } else if (c == '\n' || (c == '\r' && peek() != '\n')) {
        ++line_;
      }
      field += c;
    }
    if (at_ < text_.size() && peek() != ',' && peek() != '\n' && peek() != '\r')
      fail(line_, "want a comma after the closing quote, got more text");
    return field;
  }

  bool skip_line_end() {
    const std::size_t before = at_;
    if (peek() == '\r') ++at_;
    if (peek() == '\n') ++at_;
    if (at_ == before) return false;
    ++line_;
    return true;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  [[noreturn]] void fail(std::int64_t line, const std::string& what,
                         const std::string& hint = {}) const {
    throw Error(ErrorCode::kBadInput, join(name_, ":", line, ": ", what), hint);
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name) {
  return CsvParser(text, name).parse();
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
