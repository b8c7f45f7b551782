// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace shoplens {

/// A catalogue's or a test set's list of photos. Row i has paths[i], labels[i] and one value a
/// further column.
struct Manifest {
  std::filesystem::path source;  // the CSV or folder it came from
  std::vector<std::filesystem::path>
      paths;  // as files can be opened: the CSV's paths are relative to the CSV
  std::vector<std::string> names;   // the path as the manifest writes it: what ids and reports show
  std::vector<std::string> labels;  // "" where a list has no label column
  struct Column {
    std::string name;
    std::vector<std::string> values;
  };
  std::vector<Column> columns;  // the CSV's other columns, in its order; coarse_label is one
  std::size_t size() const { return paths.size(); }
};

/// Reads a CSV (RFC 4180; header with `path` and, when `want_labels`, `label`; UTF-8, BOM allowed)
/// or a folder with one folder of photos a class. Photos are not opened. Throws Error that names
/// the file and line: a missing column, a row of another width, an empty path or label, an unclosed
/// quote, no rows, a photo listed twice.
///
/// In a folder, a photo is a regular file named *.jpg, *.jpeg, *.png or *.webp in any case, at any
/// depth; its label is the first folder on the way to it; hidden files and folders are skipped;
/// rows are sorted by name, byte by byte. Without `want_labels`, also: a CSV without a label column
/// or with empty labels, photos right in the folder (their label is ""), a single photo.
Manifest read_manifest(const std::filesystem::path& source, bool want_labels = true);

/// The rows named by `rows`, in that order, with all their columns.
Manifest select_rows(const Manifest& manifest, const std::vector<std::int64_t>& rows);

/// Labels as numbers: the sorted distinct labels, and each row's place among them.
struct LabelSet {
  std::vector<std::string> names;    // sorted, distinct
  std::vector<std::int64_t> of_row;  // [rows], index into names
};
LabelSet number_labels(const std::vector<std::string>& labels);

/// Where each label stands among `names`; -1: nowhere.
std::vector<std::int64_t> places_among(const std::vector<std::string>& labels,
                                       const std::vector<std::string>& names);

/// SHA-256 of the label names, a line each: what ModelInfo::labels_hash holds.
std::string labels_hash(const std::vector<std::string>& names);

}  // namespace shoplens
