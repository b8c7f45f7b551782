// SPDX-License-Identifier: Apache-2.0
// groups and shift: splits that do not lie. groups finds what must not be torn apart, shift tells
// whether figures of one list will hold on another.
#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/files.h"
#include "core/log.h"
#include "data/csv.h"
#include "data/folds.h"
#include "eval/shift.h"
#include "ranking/near_duplicates.h"
#include "recognize/matcher.h"

namespace shoplens {
namespace {

void check_read(const char* verb, const PhotoEmbeddings& embedded, const Manifest& list,
                std::size_t least) {
  if (embedded.photos.size() < least)
    throw Error(ErrorCode::kBadInput,
                join(verb, ": want at least ", least, " photos that can be read, got ",
                     embedded.photos.size(), " of ", list.size(), " (", list.source.string(), ")"),
                "give more photos; paths in a CSV are relative to the CSV");
}

struct GroupsOptions {
  std::string data, out = "groups.csv", column = "group";
  double threshold = 0.95;
  NetworkOptions network;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v(data, "data", "photos: a CSV with a path column, or a folder");
    v(out, "out", "CSV to write: the list with the groups' numbers, and paths as seen from it");
    v(column, "column",
      "column of the numbers, for `shoplens train --group-column`; groups that the list has in it "
      "are joined with those found");
    v(threshold, "threshold", "photos whose cosine is at least this share a group");
    network.visit(v);
    v(json, "json", "print one JSON document");
  }
};

// The column of that name; a new one, without values, where the list has none.
std::vector<std::string>& column_of(Manifest& list, const std::string& name) {
  for (auto& column : list.columns)
    if (column.name == name) return column.values;
  list.columns.push_back({name, std::vector<std::string>(list.size())});
  return list.columns.back().values;
}

// Paths as seen from the folder of `out`.
std::string csv_of(const Manifest& list, const std::string& out) {
  const auto folder = std::filesystem::absolute(out).parent_path();
  std::vector<std::string> fields{"path", "label"};
  for (const auto& column : list.columns) fields.push_back(column.name);
  std::string text = csv_line(fields);
  for (std::size_t row = 0; row < list.size(); ++row) {
    fields = {std::filesystem::absolute(list.paths[row]).lexically_relative(folder).string(),
              list.labels[row]};
    for (const auto& column : list.columns) fields.push_back(column.values[row]);
    text += csv_line(fields);
  }
  return text;
}

// Photos of each group.
std::vector<std::int64_t> sizes_of(const std::vector<std::int64_t>& group) {
  std::vector<std::int64_t> sizes;
  for (const std::int64_t g : group) {
    sizes.resize(std::max(sizes.size(), static_cast<std::size_t>(g) + 1));
    ++sizes[static_cast<std::size_t>(g)];
  }
  return sizes;
}

int groups(const GroupsOptions& o) {
  check(!o.data.empty(), "groups: want --data, a CSV or a folder of photos");
  check(o.column != "path" && o.column != "label" && !o.column.empty(),
        "groups: want a --column beside path and label, got ", o.column);
  const Manifest manifest = read_manifest(o.data, /*want_labels=*/false);
  const auto pipeline = open_pipeline("groups", o.network, manifest.size());
  const PhotoEmbeddings embedded = embed_and_report(*pipeline, manifest.paths, o.network);
  check_read("groups", embedded, manifest, 1);
  Manifest list = select_rows(manifest, embedded.photos);
  std::vector<std::string>& column = column_of(list, o.column);
  const std::set<std::string> given(column.begin(), column.end());
  const auto found = near_duplicate_groups(embedded.embeddings, embedded.dim, o.threshold);
  const auto group = joined_groups(found, number_labels(groups_of(list, column)).of_row);
  std::transform(group.begin(), group.end(), column.begin(),
                 [](std::int64_t g) { return std::to_string(g); });
  write_file(o.out, csv_of(list, o.out));

  const auto sizes = sizes_of(group), found_sizes = sizes_of(found);
  const std::int64_t largest = *std::max_element(sizes.begin(), sizes.end()),
                     alike = std::count_if(found_sizes.begin(), found_sizes.end(),
                                           [](std::int64_t size) { return size > 1; });
  const std::size_t of_list = given.size() - given.count("");
  if (o.json) {
    print_json({{"out", o.out},
                {"photos", group.size()},
                {"groups", sizes.size()},
                {"largest", largest},
                {"near_duplicate_groups", alike},
                {"given_groups", of_list},
                {"errors", errors_json(embedded.errors, manifest.names)}});
    return status_of(embedded);
  }
  std::cout << o.out << ": " << group.size() << " photos in " << sizes.size()
            << " groups, the largest of " << largest << "; " << alike
            << " groups of near-duplicates";
  if (of_list > 0) std::cout << ", joined with " << of_list << " of the list's column " << o.column;
  std::cout << '\n';
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
  check_read("shift", of_a, a, 2);
  check_read("shift", of_b, b, 2);
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
