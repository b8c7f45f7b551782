// SPDX-License-Identifier: Apache-2.0
#include "gallery/gallery.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "gallery/gallery_schema.h"
#include "gallery/vector_blob.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSelectItem =
    "SELECT items.id, labels.name, items.path, items.source, items.columns";
constexpr const char* kFromItems = " FROM items JOIN labels ON labels.id = items.label_id";

std::string columns_to_json(const GalleryItem& item) {
  auto object = nlohmann::ordered_json::object();
  for (const auto& [name, value] : item.columns) object[name] = value;
  return object.dump();
}

std::vector<std::pair<std::string, std::string>> columns_from_json(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> columns;
  const auto object = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  for (const auto& [name, value] : object.items())
    if (value.is_string()) columns.emplace_back(name, value.get<std::string>());
  return columns;
}

GalleryItem read_item(const Statement& row) {
  return {row.integer(0), row.text(1), row.text(2), row.text(3), columns_from_json(row.text(4))};
}

std::int64_t label_id(const Database& database, const std::string& name) {
  Statement(database, "INSERT INTO labels (name) VALUES (?) ON CONFLICT DO NOTHING")
      .bind(1, name)
      .run();
  Statement row(database, "SELECT id FROM labels WHERE name = ?");
  row.bind(1, name).step();
  return row.integer(0);
}

// Inserts items within the caller's transaction.
class Inserter {
 public:
  Inserter(const Database& database, std::int64_t model_id)
      : database_(database),
        model_id_(model_id),
        item_(database, "INSERT INTO items (label_id, path, source, columns) VALUES (?, ?, ?, ?)"),
        embedding_(
            database,
            "INSERT INTO embeddings (item_id, model_id, vector, checksum) VALUES (?, ?, ?, ?)") {}

  std::int64_t insert(const GalleryItem& item, std::span<const float> vector) {
    const std::string blob = vector_to_blob(vector), columns = columns_to_json(item);
    item_.bind(1, label_id(database_, item.label))
        .bind(2, item.path)
        .bind(3, item.source)
        .bind(4, columns)
        .run();
    const std::int64_t id = database_.last_id();
    embedding_.bind(1, id).bind(2, model_id_).bind_blob(3, blob);
    embedding_.bind(4, row_checksum(item.label, item.path, item.source, columns, blob)).run();
    return id;
  }

 private:
  const Database& database_;
  std::int64_t model_id_;
  Statement item_, embedding_;
};

}  // namespace

Gallery::Gallery(const fs::path& path) : database_(open_gallery_database(path)) { read_model(); }
Gallery::~Gallery() = default;
Gallery::Gallery(Gallery&&) noexcept = default;
Gallery& Gallery::operator=(Gallery&&) noexcept = default;

void Gallery::read_model() {
  // An upgrade's model comes after the gallery's own, until that one is deleted.
  Statement row(*database_,
                "SELECT id, fingerprint, arch, dim, path FROM models ORDER BY id LIMIT 1");
  if (!row.step())
    throw Error(ErrorCode::kCorrupt,
                join("gallery: want a model, found none (", path().string(), ")"));
  model_id_ = row.integer(0);
  model_ = {row.text(1), row.text(2), static_cast<int>(row.integer(3)), row.text(4)};
}

const fs::path& Gallery::path() const { return database_->path(); }

std::string Gallery::note(const std::string& key) const {
  Statement row(*database_, "SELECT value FROM meta WHERE key = ?");
  return row.bind(1, key).step() ? row.text(0) : "";
}

void Gallery::write_note(const std::string& key, const std::string& value) {
  Statement(*database_,
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET "
            "value = excluded.value")
      .bind(1, key)
      .bind(2, value)
      .run();
  if (changes_) changes_->settings = true;
}

std::optional<GalleryArray> Gallery::array(const std::string& name) const {
  Statement row(*database_, "SELECT rows, columns, data FROM arrays WHERE name = ?");
  if (!row.bind(1, name).step()) return std::nullopt;
  GalleryArray array{row.integer(0), row.integer(1), {}};
  append_blob(row.blob(2), array.values);
  if (static_cast<std::int64_t>(array.values.size()) != array.rows * array.columns)
    throw Error(ErrorCode::kCorrupt,
                join("gallery: want ", array.rows, " x ", array.columns, " floats of ", name,
                     ", got ", array.values.size(), " (", path().string(), ")"),
                "`shoplens index verify` tells all that is wrong");
  return array;
}

void Gallery::configure(const std::map<std::string, std::string>& notes,
                        const std::map<std::string, GalleryArray>& arrays) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  for (const auto& [key, value] : notes) write_note(key, value);
  if (changes_) changes_->settings = true;
  database_->run("DELETE FROM arrays");
  Statement insert(
      *database_,
      "INSERT INTO arrays (name, rows, columns, data, checksum) VALUES (?, ?, ?, ?, ?)");
  for (const auto& [name, array] : arrays) {
    const std::string blob = vector_to_blob(array.values);
    insert.bind(1, name).bind(2, array.rows).bind(3, array.columns).bind_blob(4, blob);
    insert.bind(5, blob_checksum(blob)).run();
  }
  transaction.commit();
}

void Gallery::check_model(const std::string& fingerprint, const fs::path& model_file) const {
  if (fingerprint == model_.fingerprint) return;
  throw Error(ErrorCode::kBadInput,
              join("gallery: want embeddings of model ", model_.fingerprint.substr(0, 12), " (",
                   model_.arch, "), got model ", fingerprint.substr(0, 12), " (gallery ",
                   path().string(), ", model ", model_file.string(), ")"),
              "embeddings of different models cannot be compared: give --model the gallery's own, "
              "or build a new "
              "gallery with this one");
}

std::optional<fs::path> Gallery::locate_model(const std::string& recorded) const {
  std::error_code out_of_reach;
  const fs::path folder = fs::absolute(path(), out_of_reach).parent_path();
  for (const fs::path& place : {folder / recorded, fs::path(note("folder")) / recorded,
                                folder / fs::path(recorded).filename()})
    if (fs::is_regular_file(place, out_of_reach)) return place.lexically_normal();
  return std::nullopt;
}

fs::path Gallery::find_model(const std::string& recorded) const {
  if (auto place = locate_model(recorded)) return *std::move(place);
  throw Error(
      ErrorCode::kNotFound,
      join("gallery: want its model at ", recorded,
           " from the gallery's folder, or beside it; found nothing (", path().string(), ")"),
      "give the model with --model, or put it beside the gallery");
}

std::int64_t Gallery::size() const { return database_->integer("SELECT count(*) FROM items"); }

std::map<std::string, std::int64_t> Gallery::label_counts() const {
  std::map<std::string, std::int64_t> counts;
  Statement row(*database_,
                join("SELECT labels.name, count(*)", kFromItems, " GROUP BY labels.id"));
  while (row.step()) counts[row.text(0)] = row.integer(1);
  return counts;
}

bool Gallery::has_label(const std::string& label) const {
  Statement row(*database_, "SELECT 1 FROM labels WHERE name = ?");
  return row.bind(1, label).step();
}

std::vector<GalleryItem> Gallery::items() const { return items_after(0, -1, ""); }

std::vector<GalleryItem> Gallery::items_after(std::int64_t after, std::int64_t limit,
                                              const std::string& label) const {
  std::vector<GalleryItem> items;
  // Of one label by its index, which is in the order of ids too.
  const char* of_label =
      label.empty() ? "" : " AND items.label_id = (SELECT id FROM labels WHERE name = ?3)";
  Statement row(*database_, join(kSelectItem, kFromItems, " WHERE items.id > ?1", of_label,
                                 " ORDER BY items.id LIMIT ?2"));  // -1: no limit
  row.bind(1, after).bind(2, limit);
  if (!label.empty()) row.bind(3, label);
  while (row.step()) items.push_back(read_item(row));
  return items;
}

std::optional<GalleryItem> Gallery::item(std::int64_t id) const {
  Statement row(*database_, join(kSelectItem, kFromItems, " WHERE items.id = ?"));
  if (!row.bind(1, id).step()) return std::nullopt;
  return read_item(row);
}

GalleryContent Gallery::content() const {
  GalleryContent content;
  // Grown as it is read, the vectors would be in memory twice for moments.
  content.vectors.reserve(static_cast<std::size_t>(size()) * static_cast<std::size_t>(model_.dim));
  visit([&](GalleryItem item, std::span<const float> vector) {
    content.items.push_back(std::move(item));
    content.vectors.insert(content.vectors.end(), vector.begin(), vector.end());
  });
  return content;
}

std::shared_ptr<const void> Gallery::one_state() const {
  return std::make_shared<const Transaction>(*database_, Transaction::Kind::kRead);
}

void Gallery::visit(const std::function<void(GalleryItem, std::span<const float>)>& see) const {
  std::vector<float> vector;
  // One statement sees one state of the database, so a writer meanwhile does no harm.
  Statement row(*database_,
                join(kSelectItem, ", embeddings.vector, embeddings.checksum", kFromItems,
                     " JOIN embeddings ON embeddings.item_id = items.id AND embeddings.model_id = ?"
                     " ORDER BY items.id"));
  row.bind(1, model_id_);
  while (row.step()) {
    const std::string_view blob = row.blob(5);
    if (blob.size() != static_cast<std::size_t>(model_.dim) * sizeof(float))
      throw Error(ErrorCode::kCorrupt,
                  join("gallery: want a vector of ", model_.dim, " components, got ", blob.size(),
                       " bytes for item ", row.integer(0), " (", path().string(), ")"),
                  "`shoplens index verify` tells all that is wrong");
    if (row_checksum(row.text(1), row.text(2), row.text(3), row.text(4), blob) != row.text(6))
      throw Error(ErrorCode::kCorrupt,
                  join("gallery: want item ", row.integer(0), " as it was written, got another (",
                       path().string(), ")"),
                  "`shoplens index verify` tells all that is wrong");
    vector.clear();
    append_blob(blob, vector);
    see(read_item(row), vector);
  }
}

std::int64_t Gallery::id_of(const std::string& path) const {
  Statement row(*database_, "SELECT id FROM items WHERE path = ?");
  return row.bind(1, path).step() ? row.integer(0) : 0;
}

std::vector<std::string> Gallery::existing(const std::vector<std::string>& paths) const {
  std::vector<std::string> found;
  for (const std::string& path : paths)
    if (id_of(path) > 0) found.push_back(path);
  return found;
}

AddCounts Gallery::add(const std::string& fingerprint, std::span<const GalleryItem> items,
                       std::span<const float> vectors, OnExisting on_existing) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  read_model();
  check_model(fingerprint, "the one of the embeddings");
  check_unit_vectors(vectors, items.size(), model_.dim, path());
  AddCounts counts;
  Inserter inserter(*database_, model_id_);
  Statement old(*database_, "DELETE FROM items WHERE id = ? RETURNING label_id");
  std::set<std::int64_t> left;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (const std::int64_t there = id_of(items[i].path); there > 0) {
      check(on_existing != OnExisting::kError, "gallery: want new paths, ", items[i].path,
            " is already in the gallery (", path().string(), ")");
      if (on_existing != OnExisting::kReplace) {
        if (on_existing == OnExisting::kRelabel)
          counts.relabelled += relabel({there}, items[i].label);
        ++counts.skipped;
        counts.ids.push_back(there);
        continue;
      }
      old.bind(1, there);
      while (old.step()) left.insert(old.integer(0));
      if (changes_) changes_->removed.push_back(there);
      --counts.added;
      ++counts.replaced;
    }
    const auto vector = vectors.subspan(i * static_cast<std::size_t>(model_.dim), model_.dim);
    counts.ids.push_back(inserter.insert(items[i], vector));
    ++counts.added;
    if (!changes_) continue;
    changes_->added.push_back(items[i]);
    changes_->added.back().id = counts.ids.back();
    changes_->vectors.insert(changes_->vectors.end(), vector.begin(), vector.end());
  }
  drop_lonely_labels(left);
  transaction.commit();
  if (counts.replaced > 0) remove_index_file(path());
  return counts;
}

void Gallery::drop_lonely_labels(const std::set<std::int64_t>& label_ids) {
  Statement drop(*database_,
                 "DELETE FROM labels WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM items WHERE "
                 "label_id = ?1)");
  for (const std::int64_t id : label_ids) drop.bind(1, id).run();
}

// One DELETE a key, all in one transaction; labels without photos go too.
template <class Keys>
std::int64_t Gallery::remove_where(const std::string& condition, const Keys& keys) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  Statement remove(*database_,
                   join("DELETE FROM items WHERE ", condition, " RETURNING id, label_id"));
  std::int64_t removed = 0;
  std::set<std::int64_t> left;
  for (const auto& key : keys) {
    remove.bind(1, key);
    for (; remove.step(); ++removed) {
      left.insert(remove.integer(1));
      if (changes_) changes_->removed.push_back(remove.integer(0));
    }
  }
  drop_lonely_labels(left);
  transaction.commit();
  if (removed > 0) remove_index_file(path());
  return removed;
}

fs::path index_file_of(const fs::path& gallery) { return gallery.string() + ".cells"; }

void remove_index_file(const fs::path& gallery) {
  std::error_code none;
  fs::remove(index_file_of(gallery), none);
}

std::int64_t Gallery::remove_ids(const std::vector<std::int64_t>& ids) {
  return remove_where("id = ?", ids);
}

std::int64_t Gallery::remove_labels(const std::vector<std::string>& labels) {
  return remove_where("label_id = (SELECT id FROM labels WHERE name = ?)", labels);
}

std::int64_t Gallery::remove_paths(const std::vector<std::string>& paths) {
  return remove_where("path = ?", paths);
}

}  // namespace shoplens
