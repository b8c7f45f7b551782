// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace shoplens {

enum class ErrorCode { kBadInput, kNotFound, kCorrupt, kUnsupported, kIo, kInternal };

/// The code's name as reports and JSON have it: "bad_input", "not_found", ...
const char* error_code_name(ErrorCode code);

/// What went wrong, and what the reader can do next. Thrown for bad input, I/O and corrupt files;
/// an expected absence (no neighbour, one unreadable photo in a bulk run) is a value, never an
/// Error.
struct Error : std::runtime_error {
  Error(ErrorCode code, const std::string& what, std::string hint = {})
      : std::runtime_error(what), code(code), hint(std::move(hint)) {}
  ErrorCode code;
  std::string hint;  // empty if there is nothing to advise
};

/// The parts printed one after the other: join("want ", 3, ", got ", 4) is "want 3, got 4".
template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws kBadInput unless `ok`. Message rule: "<where>: want <this>, got <that>".
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) throw Error(ErrorCode::kBadInput, join(parts...));
}

}  // namespace shoplens
