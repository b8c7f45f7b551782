// SPDX-License-Identifier: Apache-2.0
#include "data/manifest.h"

#include <cstddef>
#include <map>

#include "core/hash.h"
#include "data/manifest_reader.h"

namespace shoplens {
namespace fs = std::filesystem;

Manifest read_manifest(const fs::path& source, bool want_labels) {
  ManifestReader reader(source, want_labels);
  Manifest manifest;
  manifest.source = source;
  for (const std::string& name : reader.columns()) manifest.columns.push_back({name, {}});
  PathHashes hashes;
  std::vector<std::int64_t> lines;
  while (auto row = reader.next()) {
    manifest.paths.push_back(reader.path_of(row->name));
    hashes.add(manifest.paths.back());
    lines.push_back(row->line);
    manifest.names.push_back(std::move(row->name));
    manifest.labels.push_back(std::move(row->label));
    for (std::size_t c = 0; c < row->values.size(); ++c)
      manifest.columns[c].values.push_back(std::move(row->values[c]));
  }
  hashes.check_distinct(source.string(), [&](const PathHashes::Row& see) {
    for (std::size_t i = 0; i < lines.size(); ++i)
      see(manifest.paths[i], manifest.names[i], lines[i]);
  });
  return manifest;
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
