// SPDX-License-Identifier: Apache-2.0
// Comma-separated values as RFC 4180 has them: fields with a comma, quote or line break stand in
// double quotes, and a quote inside is doubled. The encoding is UTF-8.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoplens {

/// One record and the line of the text it starts on, counted from 1.
struct CsvRow {
  std::int64_t line;
  std::vector<std::string> fields;
};

/// The records of `text`, which may begin with a byte order mark and may leave out the last line's
/// end. Lines end in LF, CRLF or CR; empty lines are skipped; rows may differ in width. Throws
/// kBadInput "NAME:LINE: want ..., got ..." for an unclosed quote, a quote inside an unquoted
/// field, text after a closing quote, a zero byte, or bytes that are not UTF-8.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name);

/// The fields as one line with its LF; parse_csv gives them back.
std::string csv_line(const std::vector<std::string>& fields);

/// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

}  // namespace shoplens
