// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/csv.h"
#include "data/manifest_reader.h"

namespace shoplens {

/// A list of photos of any length: read and checked once from end to end, then given out in its
/// order. Memory: 8 bytes a photo while it is checked (PathHashes), then that of the rows between
/// the one taken last and the one asked for furthest ahead.
class PhotoList {
 public:
  /// Reads `source` as read_manifest does without labels, and copies the rows to the file `copy`,
  /// from which they come later: so a pipe will do, and a folder may change meanwhile.
  PhotoList(const std::filesystem::path& source, const std::filesystem::path& copy);

  std::size_t size() const { return size_; }
  /// SHA-256 of columns and rows: equal for equal lists, wherever they lie.
  const std::string& fingerprint() const { return fingerprint_; }

  /// What a .csv about these photos has in its first line: path, label if any photo has one, and
  /// the list's other columns.
  std::vector<std::string> header() const;
  /// A row's fields under header().
  std::vector<std::string> fields(const ManifestRow& row) const;

  /// The file of the photo at `place`, which has not been taken. Thread-safe, as take is.
  std::filesystem::path path(std::size_t place);
  /// The next row, from the first on.
  ManifestRow take();

 private:
  void copy_rows();
  void check_distinct();
  std::optional<ManifestRow> read();

  ManifestReader reader_;
  std::string source_;
  std::filesystem::path copy_;
  std::size_t size_ = 0;
  bool labelled_ = false;
  std::string fingerprint_;
  PathHashes hashes_;

  std::mutex mutex_;
  std::ifstream file_;
  std::optional<CsvReader> rows_;
  std::deque<ManifestRow> ahead_;  // read, not taken
  std::size_t taken_ = 0;
};

}  // namespace shoplens
