// SPDX-License-Identifier: Apache-2.0
#include "core/cache_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxBytes = 1 << 16;
constexpr const char* kEnd = "end\n";  // tells a whole file from a cut one
constexpr std::size_t kChecksumDigits = 16;

// Empty: there is no place. A relative $XDG_CACHE_HOME does not count, says its specification.
fs::path folder_of(const std::string& kind) {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache && fs::path(cache).is_absolute()) return fs::path(cache) / "shoplens" / kind;
  const char* const home = std::getenv("HOME");
  if (home && fs::path(home).is_absolute()) return fs::path(home) / ".cache" / "shoplens" / kind;
  return {};
}

fs::path path_of(const std::string& kind, const std::string& key) {
  const fs::path folder = folder_of(kind);
  return folder.empty() ? folder : folder / sha256_hex(key);
}

// False where that cannot be.
bool make_folder_of(const fs::path& path) {
  std::error_code failed;
  if (!path.empty()) fs::create_directories(path.parent_path(), failed);
  return !path.empty() && !failed;
}

// Removes what was used longest ago until the rest has at most `max_bytes`.
void trim(const fs::path& folder, std::uint64_t max_bytes) {
  struct File {
    fs::file_time_type time;
    std::uint64_t bytes;
    fs::path path;
  };
  std::vector<File> files;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code gone;  // another process trims too
    const File file{it->last_write_time(gone), it->file_size(gone), it->path()};
    if (!gone) files.push_back(file);
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.time > b.time; });
  std::uint64_t kept = 0;
  for (const File& file : files) {
    kept += file.bytes;
    if (kept > max_bytes) fs::remove(file.path, failed);
  }
}

}  // namespace

std::optional<std::string> read_cached(const std::string& kind, const std::string& key) try {
  const fs::path path = path_of(kind, key);
  if (path.empty()) return std::nullopt;
  std::string text = read_file(path, kMaxBytes);
  if (!text.starts_with(key + '\n') || !text.ends_with(kEnd)) return std::nullopt;
  text.resize(text.size() - std::string(kEnd).size());
  if (text.size() <= key.size()) return std::nullopt;
  return text.substr(key.size() + 1);
} catch (const Error&) {
  return std::nullopt;
}

void write_cached(const std::string& kind, const std::string& key, const std::string& value) try {
  const fs::path path = path_of(kind, key);
  if (make_folder_of(path)) write_file(path, key + '\n' + value + kEnd);
} catch (const Error&) {  // it will be measured again
}

CachedBytes map_cached(const std::string& kind, const std::string& key) try {
  const fs::path path = path_of(kind, key);
  if (path.empty()) return {};
  auto file = std::make_unique<MappedFile>(path);
  const std::string_view all = file->bytes();
  if (all.size() < kChecksumDigits) return {};
  const std::string_view bytes = all.substr(0, all.size() - kChecksumDigits);
  if (all.substr(bytes.size()) != checksum_hex(bytes, key)) return {};
  std::error_code failed;  // then it seems older than it is
  fs::last_write_time(path, fs::file_time_type::clock::now(), failed);
  return {std::move(file), bytes};
} catch (const Error&) {
  return {};
}

void keep_bytes(const std::string& kind, const std::string& key, std::uint64_t max_bytes,
                const std::function<std::string()>& make) try {
  const fs::path path = path_of(kind, key);
  if (!make_folder_of(path)) return;
  AtomicFile file(path);
  const std::string value = make();
  file.stream() << value << checksum_hex(value, key);  // the bytes say nothing of their own
  file.commit();
  trim(path.parent_path(), max_bytes);
} catch (const Error&) {  // it will be made again
}

}  // namespace shoplens
