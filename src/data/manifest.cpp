// SPDX-License-Identifier: Apache-2.0
#include "data/manifest.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "data/csv.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxCsvBytes =
    1ull << 30;  // ten million rows; more is another kind of file by mistake

bool is_photo_name(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::array kExtensions{".jpg", ".jpeg", ".png", ".webp"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

// The photos under `folder`, as names relative to it, sorted. A link to a folder is followed right
// in `folder` only, where it is a class: deeper ones could lead round in a circle.
std::vector<std::string> photos_under(const fs::path& folder, bool follow_links = true) {
  std::vector<std::string> names;
  try {
    for (auto at = fs::recursive_directory_iterator(folder);
         at != fs::recursive_directory_iterator(); ++at) {
      if (is_hidden(at->path())) {
        at.disable_recursion_pending();
      } else if (follow_links && at.depth() == 0 && at->is_symlink() && at->is_directory()) {
        for (const std::string& name : photos_under(at->path(), false))
          names.push_back((at->path().filename() / name).generic_string());
      } else if (at->is_regular_file() && is_photo_name(at->path())) {
        names.push_back(at->path().lexically_relative(folder).generic_string());
      }
    }
  } catch (const fs::filesystem_error& error) {
    const fs::path& where = error.path1().empty() ? folder : error.path1();
    throw Error(ErrorCode::kIo,
                join("cannot list: ", error.code().message(), " (", where.string(), ")"));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Manifest read_folder(const fs::path& folder, bool want_labels) {
  Manifest manifest{
      .source = folder, .paths = {}, .names = photos_under(folder), .labels = {}, .columns = {}};
  for (const std::string& name : manifest.names) {
    const std::size_t slash = name.find('/');
    if (want_labels && slash == std::string::npos)
      throw Error(ErrorCode::kBadInput,
                  join("manifest: want one folder of photos a class, got a photo outside of them (",
                       (folder / name).string(), ")"),
                  "move it into its class's folder, or give a CSV with path,label");
    if (want_labels && !is_utf8(name))  // catalogues, CSV and gallery, are UTF-8
      throw Error(ErrorCode::kBadInput,
                  join("manifest: want a file name in UTF-8 (", (folder / name).string(), ")"));
    manifest.paths.push_back(folder / name);
    manifest.labels.push_back(slash == std::string::npos ? "" : name.substr(0, slash));
  }
  if (manifest.names.empty())
    throw Error(
        ErrorCode::kBadInput,
        join("manifest: want photos (.jpg .jpeg .png .webp), found none (", folder.string(), ")"));
  return manifest;
}

// Reads the rows of one CSV into a Manifest, column by column.
class CsvManifest {
 public:
  CsvManifest(const fs::path& source, bool want_labels)
      : name_(source.string()), want_labels_(want_labels) {
    manifest_.source = source;
  }

  Manifest read() {
    const std::vector<CsvRow> rows = parse_csv(read_file(manifest_.source, kMaxCsvBytes), name_);
    if (rows.empty()) fail(1, "want a header with path,label; got an empty file");
    read_header(rows[0]);
    for (std::size_t i = 1; i < rows.size(); ++i) read_row(rows[i]);
    if (rows.size() == 1) fail(rows[0].line, "want at least one photo, got a header alone");
    return std::move(manifest_);
  }

 private:
  void read_header(const CsvRow& row) {
    for (std::size_t i = 0; i < row.fields.size(); ++i) {
      const std::string& field = row.fields[i];
      if (std::find(row.fields.begin(), row.fields.begin() + static_cast<std::ptrdiff_t>(i),
                    field) != row.fields.begin() + static_cast<std::ptrdiff_t>(i))
        fail(row.line, join("want each column once, got ", field, " twice"));
      if (field == "path")
        path_at_ = i;
      else if (field == "label")
        label_at_ = i;
      else
        manifest_.columns.push_back({field, {}});
    }
    width_ = row.fields.size();
    std::string got = csv_line(row.fields);
    got.pop_back();
    if (!path_at_)
      fail(row.line, join("want a column path, got ", got),
           "the first line names the columns: path,label");
    if (want_labels_ && !label_at_) fail(row.line, join("want a column label, got ", got));
  }

  void read_row(const CsvRow& row) {
    if (row.fields.size() != width_)
      fail(row.line, join("want ", width_, " columns, got ", row.fields.size()));
    const std::string& path = row.fields[*path_at_];
    if (path.empty()) fail(row.line, "want a path, got an empty field");
    const std::string label = label_at_ ? row.fields[*label_at_] : "";
    if (want_labels_ && label.empty()) fail(row.line, "want a label, got an empty field");
    const fs::path file = (manifest_.source.parent_path() / path).lexically_normal();
    const auto [before, is_new] = line_of_.emplace(file.string(), row.line);
    if (!is_new)
      fail(row.line,
           join("want each photo once, got ", path, " again (first on line ", before->second, ")"));
    manifest_.paths.push_back(file);
    manifest_.names.push_back(path);
    manifest_.labels.push_back(label);
    std::size_t column = 0;
    for (std::size_t i = 0; i < width_; ++i)
      if (i != path_at_ && i != label_at_)
        manifest_.columns[column++].values.push_back(row.fields[i]);
  }

  [[noreturn]] void fail(std::int64_t line, const std::string& what,
                         const std::string& hint = {}) const {
    throw Error(ErrorCode::kBadInput, join(name_, ":", line, ": ", what), hint);
  }

  std::string name_;
  bool want_labels_;
  Manifest manifest_;
  std::size_t width_ = 0;
  std::optional<std::size_t> path_at_, label_at_;
  std::unordered_map<std::string, std::int64_t>
      line_of_;  // of each photo, to tell one listed twice
};

}  // namespace

Manifest read_manifest(const fs::path& source, bool want_labels) {
  std::error_code status;
  if (fs::is_directory(source, status)) return read_folder(source, want_labels);
  if (!is_photo_name(source) || !fs::exists(source, status))
    return CsvManifest(source, want_labels).read();
  if (want_labels)
    throw Error(ErrorCode::kBadInput,
                join("manifest: want a CSV or a folder with a folder a class, got a photo (",
                     source.string(), ")"));
  return {.source = source,
          .paths = {source},
          .names = {source.string()},
          .labels = {""},
          .columns = {}};
}

Manifest select_rows(const Manifest& manifest, const std::vector<std::int64_t>& rows) {
  Manifest out;
  out.source = manifest.source;
  for (const auto& column : manifest.columns) out.columns.push_back({column.name, {}});
  for (const std::int64_t place : rows) {
    const auto row = static_cast<std::size_t>(place);
    out.paths.push_back(manifest.paths[row]);
    out.names.push_back(manifest.names[row]);
    out.labels.push_back(manifest.labels[row]);
    for (std::size_t c = 0; c < out.columns.size(); ++c)
      out.columns[c].values.push_back(manifest.columns[c].values[row]);
  }
  return out;
}

LabelSet number_labels(const std::vector<std::string>& labels) {
  std::map<std::string, std::int64_t> number;
  for (const std::string& label : labels) number.emplace(label, 0);
  LabelSet set;
  for (auto& [name, place] : number) {
    place = static_cast<std::int64_t>(set.names.size());
    set.names.push_back(name);
  }
  for (const std::string& label : labels) set.of_row.push_back(number.at(label));
  return set;
}

std::vector<std::int64_t> places_among(const std::vector<std::string>& labels,
                                       const std::vector<std::string>& names) {
  std::map<std::string, std::int64_t> place;
  for (std::size_t i = 0; i < names.size(); ++i) place.emplace(names[i], i);
  std::vector<std::int64_t> places;
  for (const std::string& label : labels) {
    const auto found = place.find(label);
    places.push_back(found == place.end() ? -1 : found->second);
  }
  return places;
}

std::string labels_hash(const std::vector<std::string>& names) {
  Sha256 hash;
  for (const std::string& name : names) hash.update(name + '\n');
  return hash.hex();
}

}  // namespace shoplens
