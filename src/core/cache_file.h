// SPDX-License-Identifier: Apache-2.0
// What was made or measured once and may be again: files under $XDG_CACHE_HOME/shoplens
// (~/.cache/shoplens). A cache that is not there, damaged, of another version or not writable is
// never an error.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/mapped_file.h"

namespace shoplens {

/// What was kept under `key` by write_cached, whose every word says what the value depends on.
/// Nothing when there is none, or the file is not as it was written.
std::optional<std::string> read_cached(const std::string& kind, const std::string& key);

/// Keeps a small `value` in the file KIND/SHA-256 of the key, as key and value, written atomically;
/// gives up silently where that cannot be.
void write_cached(const std::string& kind, const std::string& key, const std::string& value);

/// A large value, which stays in its file.
struct CachedBytes {
  std::unique_ptr<MappedFile> file;
  std::string_view bytes;  // at a page's start
};

/// As read_cached, of what keep_bytes kept; no `file` when there is none, or it is damaged.
CachedBytes map_cached(const std::string& kind, const std::string& key);

/// As write_cached, for a large value, which is made only where there is a place for it. Those of
/// the kind that were not mapped for longest are removed until all have at most `max_bytes`.
/// Throws what `make` throws, but for an Error.
void keep_bytes(const std::string& kind, const std::string& key, std::uint64_t max_bytes,
                const std::function<std::string()>& make);

}  // namespace shoplens
