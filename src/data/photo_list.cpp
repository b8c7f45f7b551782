// SPDX-License-Identifier: Apache-2.0
#include "data/photo_list.h"

#include <iterator>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"

namespace shoplens {
namespace fs = std::filesystem;

PhotoList::PhotoList(const fs::path& source, const fs::path& copy)
    : reader_(source, /*want_labels=*/false), source_(source.string()), copy_(copy) {
  copy_rows();
  check_distinct();
  file_ = open_file(copy_);
  rows_.emplace(file_, copy_.string());
}

// A line of the copy: the row's line in the list, name, label, values.
void PhotoList::copy_rows() {
  std::ofstream out(copy_, std::ios::binary | std::ios::trunc);
  Sha256 hash;
  hash.update(csv_line(reader_.columns()));
  while (const auto row = reader_.next()) {
    std::vector<std::string> fields{std::to_string(row->line), row->name, row->label};
    fields.insert(fields.end(), row->values.begin(), row->values.end());
    out << csv_line(fields);
    fields.erase(fields.begin());
    hash.update(csv_line(fields));
    hashes_.add(reader_.path_of(row->name));
    labelled_ |= !row->label.empty();
    ++size_;
  }
  out.close();
  if (!out)
    throw Error(ErrorCode::kIo, join("cannot write (", copy_.string(), ")"), "is the disk full?");
  fingerprint_ = hash.hex();
}

void PhotoList::check_distinct() {
  hashes_.check_distinct(source_, [&](const PathHashes::Row& see) {
    std::ifstream in = open_file(copy_);
    CsvReader rows(in, copy_.string());
    while (const auto row = rows.next())
      see(reader_.path_of(row->fields[1]), row->fields[1], std::stoll(row->fields[0]));
  });
}

std::vector<std::string> PhotoList::header() const {
  std::vector<std::string> names{"path"};
  if (labelled_) names.emplace_back("label");
  names.insert(names.end(), reader_.columns().begin(), reader_.columns().end());
  return names;
}

std::vector<std::string> PhotoList::fields(const ManifestRow& row) const {
  std::vector<std::string> fields{row.name};
  if (labelled_) fields.push_back(row.label);
  fields.insert(fields.end(), row.values.begin(), row.values.end());
  return fields;
}

std::optional<ManifestRow> PhotoList::read() {
  std::optional<CsvRow> row = rows_->next();
  if (!row || row->fields.size() != 3 + reader_.columns().size()) return std::nullopt;
  return ManifestRow{std::stoll(row->fields[0]),
                     std::move(row->fields[1]),
                     std::move(row->fields[2]),
                     {std::make_move_iterator(row->fields.begin() + 3),
                      std::make_move_iterator(row->fields.end())}};
}

fs::path PhotoList::path(std::size_t place) {
  const std::lock_guard lock(mutex_);
  while (place - taken_ >= ahead_.size()) {
    auto row = read();
    if (!row)
      throw Error(ErrorCode::kCorrupt, join("want ", size_, " rows, got ", taken_ + ahead_.size(),
                                            " (", copy_.string(), ")"));
    ahead_.push_back(std::move(*row));
  }
  return reader_.path_of(ahead_[place - taken_].name);
}

ManifestRow PhotoList::take() {
  path(taken_);  // reads on if nobody has
  const std::lock_guard lock(mutex_);
  ManifestRow row = std::move(ahead_.front());
  ahead_.pop_front();
  ++taken_;
  return row;
}

}  // namespace shoplens
