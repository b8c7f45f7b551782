// SPDX-License-Identifier: Apache-2.0
// The files of web/, built into the program.
#pragma once
#include <span>
#include <string_view>

namespace shoplens {

struct Asset {
  std::string_view name;  // "index.html"
  const char* type;       // its Content-Type
  std::string_view content;
};

std::span<const Asset> assets();

}  // namespace shoplens
