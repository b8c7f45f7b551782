// SPDX-License-Identifier: Apache-2.0
#include "core/cache_file.h"

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxBytes = 1 << 16;
constexpr const char* kEnd = "end\n";  // tells a whole file from a cut one

// Empty: there is no place. A relative $XDG_CACHE_HOME does not count, says its specification.
fs::path folder_of(const std::string& kind) {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache && fs::path(cache).is_absolute()) return fs::path(cache) / "shoplens" / kind;
  const char* const home = std::getenv("HOME");
  if (home && fs::path(home).is_absolute()) return fs::path(home) / ".cache" / "shoplens" / kind;
  return {};
}

}  // namespace

std::optional<std::string> read_cached(const std::string& kind, const std::string& key) try {
  const fs::path folder = folder_of(kind);
  if (folder.empty()) return std::nullopt;
  std::string text = read_file(folder / sha256_hex(key), kMaxBytes);
  if (!text.starts_with(key + '\n') || !text.ends_with(kEnd)) return std::nullopt;
  text.resize(text.size() - std::string(kEnd).size());
  if (text.size() <= key.size()) return std::nullopt;
  return text.substr(key.size() + 1);
} catch (const Error&) {
  return std::nullopt;
}

void write_cached(const std::string& kind, const std::string& key, const std::string& value) try {
  const fs::path folder = folder_of(kind);
  if (folder.empty()) return;
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (!failed) write_file(folder / sha256_hex(key), key + '\n' + value + kEnd);
} catch (const Error&) {  // it will be measured again
}

}  // namespace shoplens
