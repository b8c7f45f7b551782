// SPDX-License-Identifier: Apache-2.0
// Comma-separated values as RFC 4180 has them: fields with a comma, quote or line break stand in
// double quotes, and a quote inside is doubled. The encoding is UTF-8.
#pragma once
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoplens {

/// One record and the line of the text it starts on, counted from 1.
struct CsvRow {
  std::int64_t line;
  std::vector<std::string> fields;
};

/// Reads records one by one, so that a long file costs no memory. The text may begin with a byte
/// order mark and may leave out the last line's end. Lines end in LF, CRLF or CR; empty lines are
/// skipped; rows may differ in width.
class CsvReader {
 public:
  /// `name` is what errors call the text.
  CsvReader(std::istream& in, std::string name);

  /// The next record; nothing after the last. Throws kBadInput "NAME:LINE: want ..., got ..." for
  /// an unclosed quote, a quote inside an unquoted field, text after a closing quote, a zero byte,
  /// bytes that are not UTF-8, or a record of more than 16 MiB.
  std::optional<CsvRow> next();

 private:
  std::string plain_field();
  std::string quoted_field();
  bool skip_line_end();
  char take();
  bool at_end() { return in_.sgetc() == std::streambuf::traits_type::eof(); }
  char peek() { return at_end() ? '\0' : static_cast<char>(in_.sgetc()); }
  [[noreturn]] void fail(std::int64_t line, const std::string& what,
                         const std::string& hint = {}) const;

  std::streambuf& in_;
  std::string name_;
  std::int64_t line_ = 1;
  std::size_t left_ = 0;  // bytes that this record may still have
};

/// All records of `text`.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name);

/// The fields as one line with its LF; parse_csv gives them back.
std::string csv_line(const std::vector<std::string>& fields);

/// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

}  // namespace shoplens
