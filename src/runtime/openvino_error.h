// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace shoplens {

/// OpenVINO's messages are many lines, with its source files' paths; the last one says what
/// happened.
inline std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of("\n \t");
  if (end == std::string::npos) return text;
  const auto start = text.find_last_of('\n', end);
  return text.substr(start == std::string::npos ? 0 : start + 1,
                     end - (start == std::string::npos ? 0 : start + 1) + 1);
}

}  // namespace shoplens
