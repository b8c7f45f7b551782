// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shoplens {

/// One photo of a list.
struct ManifestRow {
  std::int64_t line;                // of the CSV; in a folder its place, from 1
  std::string name, label;          // as read_manifest's names and labels
  std::vector<std::string> values;  // of the list's other columns
};

/// What read_manifest reads, row by row: memory is that of one row (in a folder: of the listings on
/// the way to it). Photos listed twice are not found here, but by PathHashes.
class ManifestReader {
 public:
  /// Throws as read_manifest does for what is wrong at the start.
  explicit ManifestReader(const std::filesystem::path& source, bool want_labels = true);
  ~ManifestReader();

  /// The CSV's other columns, in its order.
  const std::vector<std::string>& columns() const;

  /// The file of a photo with this name.
  std::filesystem::path path_of(const std::string& name) const;

  /// Nothing after the last; throws when there was none at all.
  std::optional<ManifestRow> next();

  class Source;

 private:
  std::unique_ptr<Source> source_;
};

/// Finds a photo that a list has twice, for 8 bytes a photo.
class PathHashes {
 public:
  using Hash = std::function<std::uint64_t(const std::string&)>;
  explicit PathHashes(Hash hash = std::hash<std::string>());

  void add(const std::filesystem::path& path);

  /// Throws kBadInput, naming `source` and the lines, if two of the paths are the same. As two
  /// paths can share a hash, `rows` is asked to go through the list again: it calls what it is
  /// given with each row's path, name and line, in order. It is asked only when hashes are the
  /// same.
  using Row = std::function<void(const std::filesystem::path&, const std::string&, std::int64_t)>;
  void check_distinct(const std::string& source, const std::function<void(const Row&)>& rows);

 private:
  Hash hash_;
  std::deque<std::uint64_t> hashes_;  // a vector would take three times as much while it grows
};

}  // namespace shoplens
