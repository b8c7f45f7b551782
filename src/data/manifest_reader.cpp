// SPDX-License-Identifier: Apache-2.0
#include "data/manifest_reader.h"

#include <algorithm>
#include <fstream>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/files.h"
#include "data/csv.h"
#include "data/photo_folder.h"

namespace shoplens {
namespace fs = std::filesystem;

class ManifestReader::Source {
 public:
  virtual ~Source() = default;
  virtual std::optional<ManifestRow> next() = 0;
  virtual fs::path path_of(const std::string& name) const { return root / name; }

  fs::path root;  // what names are relative to
  std::vector<std::string> columns;
};

namespace {

class FolderSource : public ManifestReader::Source {
 public:
  FolderSource(const fs::path& folder, bool want_labels)
      : photos_(folder), want_labels_(want_labels) {
    root = folder;
  }

  std::optional<ManifestRow> next() override {
    std::optional<std::string> name = photos_.next();
    if (!name && count_ == 0)
      throw Error(
          ErrorCode::kBadInput,
          join("manifest: want photos (.jpg .jpeg .png .webp), found none (", root.string(), ")"));
    if (!name) return std::nullopt;
    const std::size_t slash = name->find('/');
    if (want_labels_ && slash == std::string::npos)
      throw Error(ErrorCode::kBadInput,
                  join("manifest: want one folder of photos a class, got a photo outside of them (",
                       (root / *name).string(), ")"),
                  "move it into its class's folder, or give a CSV with path,label");
    if (want_labels_ && !is_utf8(*name))  // catalogues, CSV and gallery, are UTF-8
      throw Error(ErrorCode::kBadInput,
                  join("manifest: want a file name in UTF-8 (", (root / *name).string(), ")"));
    std::string label = slash == std::string::npos ? "" : name->substr(0, slash);
    return ManifestRow{++count_, std::move(*name), std::move(label), {}};
  }

 private:
  PhotoFolder photos_;
  bool want_labels_;
  std::int64_t count_ = 0;
};

class CsvSource : public ManifestReader::Source {
 public:
  CsvSource(const fs::path& file, bool want_labels)
      : name_(file.string()),
        want_labels_(want_labels),
        file_(open_file(file)),
        reader_(file_, name_) {
    root = file.parent_path();
    const auto header = read_row();
    if (!header) fail(1, "want a header with path,label; got an empty file");
    read_header(*header);
  }

  std::optional<ManifestRow> next() override {
    std::optional<CsvRow> row = read_row();
    if (!row && empty_) fail(header_line_, "want at least one photo, got a header alone");
    if (!row) return std::nullopt;
    empty_ = false;
    if (row->fields.size() != width_)
      fail(row->line, join("want ", width_, " columns, got ", row->fields.size()));
    ManifestRow out{row->line, std::move(row->fields[*path_at_]), "", {}};
    if (label_at_) out.label = std::move(row->fields[*label_at_]);
    if (out.name.empty()) fail(row->line, "want a path, got an empty field");
    if (want_labels_ && out.label.empty()) fail(row->line, "want a label, got an empty field");
    for (std::size_t i = 0; i < width_; ++i)
      if (i != path_at_ && i != label_at_) out.values.push_back(std::move(row->fields[i]));
    return out;
  }

  fs::path path_of(const std::string& name) const override {
    return (root / name).lexically_normal();
  }

 private:
  std::optional<CsvRow> read_row() {
    try {
      return reader_.next();
    } catch (const std::ios_base::failure& error) {
      throw Error(ErrorCode::kIo, join("cannot read: ", error.code().message(), " (", name_, ")"));
    }
  }

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
        columns.push_back(field);
    }
    header_line_ = row.line;
    width_ = row.fields.size();
    std::string got = csv_line(row.fields);
    got.pop_back();
    if (!path_at_)
      fail(row.line, join("want a column path, got ", got),
           "the first line names the columns: path,label");
    if (want_labels_ && !label_at_) fail(row.line, join("want a column label, got ", got));
  }

  [[noreturn]] void fail(std::int64_t line, const std::string& what,
                         const std::string& hint = {}) const {
    throw Error(ErrorCode::kBadInput, join(name_, ":", line, ": ", what), hint);
  }

  std::string name_;
  bool want_labels_;
  std::ifstream file_;
  CsvReader reader_;
  std::size_t width_ = 0;
  std::int64_t header_line_ = 1;
  std::optional<std::size_t> path_at_, label_at_;
  bool empty_ = true;
};

class PhotoSource : public ManifestReader::Source {  // a single photo
 public:
  explicit PhotoSource(const fs::path& photo) : photo_(photo.string()) {}

  std::optional<ManifestRow> next() override {
    if (done_) return std::nullopt;
    done_ = true;
    return ManifestRow{1, photo_, "", {}};
  }

 private:
  std::string photo_;
  bool done_ = false;
};

std::unique_ptr<ManifestReader::Source> open_source(const fs::path& source, bool want_labels) {
  std::error_code status;
  if (fs::is_directory(source, status)) return std::make_unique<FolderSource>(source, want_labels);
  if (!is_photo_name(source) || !fs::exists(source, status))
    return std::make_unique<CsvSource>(source, want_labels);
  if (want_labels)
    throw Error(ErrorCode::kBadInput,
                join("manifest: want a CSV or a folder with a folder a class, got a photo (",
                     source.string(), ")"));
  return std::make_unique<PhotoSource>(source);
}

}  // namespace

ManifestReader::ManifestReader(const fs::path& source, bool want_labels)
    : source_(open_source(source, want_labels)) {}
ManifestReader::~ManifestReader() = default;

const std::vector<std::string>& ManifestReader::columns() const { return source_->columns; }

fs::path ManifestReader::path_of(const std::string& name) const { return source_->path_of(name); }

std::optional<ManifestRow> ManifestReader::next() { return source_->next(); }

PathHashes::PathHashes(Hash hash) : hash_(std::move(hash)) {}

void PathHashes::add(const fs::path& path) { hashes_.push_back(hash_(path.native())); }

void PathHashes::check_distinct(const std::string& source,
                                const std::function<void(const Row&)>& rows) {
  std::sort(hashes_.begin(), hashes_.end());
  std::unordered_set<std::uint64_t> repeated;
  for (std::size_t i = 1; i < hashes_.size(); ++i)
    if (hashes_[i] == hashes_[i - 1]) repeated.insert(hashes_[i]);
  hashes_.clear();
  if (repeated.empty()) return;
  std::unordered_map<std::string, std::int64_t> line_of;  // of the paths in question
  rows([&](const fs::path& path, const std::string& name, std::int64_t line) {
    if (!repeated.contains(hash_(path.native()))) return;
    const auto [before, is_new] = line_of.emplace(path.native(), line);
    if (!is_new)
      throw Error(ErrorCode::kBadInput, join(source, ":", line, ": want each photo once, got ",
                                             name, " again (first on line ", before->second, ")"));
  });
}

}  // namespace shoplens
