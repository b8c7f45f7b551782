// SPDX-License-Identifier: Apache-2.0
// Strict reading of the TOML that a gallery keeps; included by this folder's .cpp files only. Every
// failure is a kCorrupt Error that names the source.
#pragma once
#include <toml++/toml.h>

#include <cmath>
#include <set>
#include <string>

#include "core/error.h"

namespace shoplens {

template <class... Parts>
[[noreturn]] void corrupt_toml(const std::string& source, const Parts&... parts) {
  throw Error(ErrorCode::kCorrupt, join(parts..., " (", source, ")"));
}

/// A table's keys, each asked for once with what it is when it is not there; whatever nobody asked
/// for is unknown.
class TomlKeys {
 public:
  TomlKeys(const toml::table& table, const std::string& source) : table_(table), source_(source) {}
  template <class T>
  void read(const char* key, T& into) {
    asked_.insert(key);
    if (!table_.contains(key)) return;
    auto found = table_[key].value<T>();
    if (std::is_same_v<T, bool> && !table_[key].is_boolean()) found.reset();  // 1 is no boolean
    if (!found) corrupt_toml(source_, key, ": want a value of another type");
    into = *found;
  }
  template <class T>
  void read_at_least(const char* key, T least, T& into) {
    read(key, into);
    if (!(into >= least) || !std::isfinite(static_cast<double>(into)))
      corrupt_toml(source_, key, ": want at least ", least, ", got ", into);
  }
  // A table or an array of them, which toml::table::value does not give.
  template <class T>
  void read_node(const char* key, T& into) {
    asked_.insert(key);
    if (!table_.contains(key)) return;
    const T* const found = table_[key].as<T>();
    if (!found) corrupt_toml(source_, key, ": want a value of another type");
    into = *found;
  }
  // A word by what `parse` makes of it.
  template <class T, class Parse>
  void read_word(const char* key, const Parse& parse, T& into) {
    std::string word;
    read(key, word);
    if (word.empty()) return;
    try {
      into = parse(word);
    } catch (const Error& e) {
      corrupt_toml(source_, e.what());
    }
  }
  void end() const {
    for (const auto& [key, node] : table_)
      if (!asked_.contains(std::string(key.str())))
        corrupt_toml(source_, "unknown key ", key.str());
  }

 private:
  const toml::table& table_;
  const std::string& source_;
  std::set<std::string> asked_;
};

inline toml::table parse_toml(const std::string& text, const std::string& source) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& e) {
    corrupt_toml(source, "line ", e.source().begin.line, " is not TOML: ", e.description());
  }
}

}  // namespace shoplens
