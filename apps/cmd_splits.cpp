// SPDX-License-Identifier: Apache-2.0
// groups and shift: splits that do not lie. groups finds what must not be torn apart, shift tells
// whether figures of one list will hold on another.
#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/files.h"
#include "core/log.h"
#include "data/csv.h"
#include "eval/shift.h"
#include "ranking/near_duplicates.h"
#include "recognize/matcher.h"

namespace shoplens {
namespace {

struct GroupsOptions {
  std::string data, out = "groups.csv", column = "group";
  double threshold = 0.95;
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(data, "data", "photos: a CSV with a path column, or a folder");
    v(out, "out", "CSV to write: the list with one column more, beside the list or with its paths");
    v(column, "column", "name of that column, for `shoplens train --group-column`");
    v(threshold, "threshold", "photos whose cosine is at least this share a group");
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

// Paths as seen from the folder of `out`.
std::string grouped_csv(const Manifest& manifest, const std::vector<std::int64_t>& rows,
                        const std::vector<std::int64_t>& groups, const GroupsOptions& o) {
  const auto folder = std::filesystem::absolute(o.out).parent_path();
  std::vector<std::string> fields{"path", "label"};
  for (const auto& column : manifest.columns) fields.push_back(column.name);
  fields.push_back(o.column);
  std::string text = csv_line(fields);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    fields = {std::filesystem::absolute(manifest.paths[row]).lexically_relative(folder).string(),
              manifest.labels[row]};
    for (const auto& column : manifest.columns) fields.push_back(column.values[row]);
    fields.push_back(std::to_string(groups[i]));
    text += csv_line(fields);
  }
  return text;
}

int groups(const GroupsOptions& o) {
  check(!o.data.empty(), "groups: want --data, a CSV or a folder of photos");
  const Manifest manifest = read_manifest(o.data, /*want_labels=*/false);
  check(std::none_of(manifest.columns.begin(), manifest.columns.end(),
                     [&](const auto& column) { return column.name == o.column; }),
        "groups: want a new column, the list has ", o.column, " already (", o.data, ")");
  const auto pipeline = open_pipeline("groups", o.network, manifest.size());
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  check(!embedded.photos.empty(), "groups: want photos, none could be read (", o.data, ")");
  const auto group = near_duplicate_groups(embedded.embeddings, embedded.dim, o.threshold);
  write_file(o.out, grouped_csv(manifest, embedded.photos, group, o));
  const std::int64_t count = *std::max_element(group.begin(), group.end()) + 1;
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(count));
  for (const std::int64_t g : group) ++sizes[static_cast<std::size_t>(g)];
  const std::int64_t largest = *std::max_element(sizes.begin(), sizes.end());
  if (o.json)
    print_json({{"out", o.out},
                {"photos", group.size()},
                {"groups", count},
                {"largest", largest},
                {"errors", errors_json(embedded.errors, manifest.names)}});
  else
    std::cout << o.out << ": " << group.size() << " photos in " << count
              << " groups, the largest of " << largest << '\n';
  return status_of(embedded);
}

struct ShiftOptions {
  std::string gallery = "gallery.db", data, other;
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery.db made by `shoplens index build`");
    v(data, "data", "validation photos: a CSV with a path column, or a folder");
    v(other, "other", "photos as they will come, labelled or not");
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

void print_text(const ShiftEstimate& s) {
  std::cout << std::fixed << std::setprecision(3)  //
            << "cosine to the nearest gallery photo, mean   " << s.nearest_a << " against "
            << s.nearest_b << '\n'
            << "distance of these distributions (K-S)       " << s.nearest_distance
            << " (chance: below " << s.nearest_distance_by_chance << ")\n"
            << "photos told apart by their nearest other    " << s.told_apart << " (chance: below "
            << s.told_apart_by_chance << ")\n";
  if (s.flatters())
    std::cout << "The other photos are further from the gallery than the validation photos: what "
                 "these measure will flatter.\n";
}

int shift(const ShiftOptions& o) {
  check(!o.data.empty() && !o.other.empty(), "shift: want --data and --other, two lists of photos");
  const Gallery gallery(o.gallery);
  const Manifest a = read_manifest(o.data, /*want_labels=*/false),
                 b = read_manifest(o.other, /*want_labels=*/false);
  const auto pipeline = open_gallery_pipeline(gallery, o.network, a.size() + b.size());
  const PhotoEmbeddings of_a = embed_and_report(*pipeline, a.paths, o.network),
                        of_b = embed_and_report(*pipeline, b.paths, o.network);
  // As networks see the photos: without what the ranking adds.
  const Matcher matcher(gallery.content().vectors, pipeline->blocks(), PipelineSpec{},
                        std::nullopt);
  const ShiftEstimate s =
      estimate_shift(matcher.prepare(of_a.embeddings), matcher.prepare(of_b.embeddings),
                     matcher.vectors(), matcher.dim());
  if (s.flatters()) log_warning("validation will flatter: ", o.data, " against ", o.other);
  if (o.json)
    print_json({{"nearest_cosine", s.nearest_a},
                {"nearest_cosine_other", s.nearest_b},
                {"nearest_distance", s.nearest_distance},
                {"nearest_distance_by_chance", s.nearest_distance_by_chance},
                {"told_apart", s.told_apart},
                {"told_apart_by_chance", s.told_apart_by_chance},
                {"flatters", s.flatters()}});
  else
    print_text(s);
  return std::max(status_of(of_a), status_of(of_b));
}

}  // namespace

Command groups_command() {
  return command<GroupsOptions>(
      "groups", "find near-duplicates, which must not be on both sides of a split", groups);
}

Command shift_command() {
  return command<ShiftOptions>("shift", "how far validation photos are from others", shift);
}

}  // namespace shoplens
