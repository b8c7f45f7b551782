// SPDX-License-Identifier: Apache-2.0
// What was measured once and may be measured again: small files under $XDG_CACHE_HOME/shoplens
// (~/.cache/shoplens). A cache that is not there, damaged, of another version or not writable is
// never an error.
#pragma once
#include <optional>
#include <string>

namespace shoplens {

/// What was kept under `key` by write_cached, whose every word says what the value depends on.
/// Nothing when there is none, or the file is not as it was written.
std::optional<std::string> read_cached(const std::string& kind, const std::string& key);

/// Keeps `value` in the file KIND/SHA-256 of the key, as key and value, written atomically; gives
/// up silently where that cannot be.
void write_cached(const std::string& kind, const std::string& key, const std::string& value);

}  // namespace shoplens
