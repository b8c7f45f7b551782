// SPDX-License-Identifier: Apache-2.0
// What a server does to a gallery: photos of its own, labels renamed, requests that may be sent
// again, unknown photos that wait for a name.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "gallery/gallery.h"
#include "gallery/gallery_schema.h"
#include "gallery/vector_blob.h"

namespace shoplens {
namespace {

constexpr std::int64_t kRequestsKept = 10'000;
constexpr std::int64_t kForGood = INT64_MAX;    // the time of a request that is not forgotten
constexpr std::int64_t kLargePhoto = 64 << 10;  // bytes

std::optional<std::string> bytes_of(const Database& database, const std::string& sql,
                                    std::int64_t id) {
  Statement row(database, sql);
  if (!row.bind(1, id).step()) return std::nullopt;
  return std::string(row.blob(0));
}

}  // namespace

GalleryChanges Gallery::transact(const std::function<void()>& body) {
  GalleryChanges changes;
  struct Recording {  // ends however body() does
    GalleryChanges*& to;
    ~Recording() { to = nullptr; }
  } recording{changes_};
  changes_ = &changes;
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  body();
  transaction.commit();
  return changes;
}

std::vector<LabelSummary> Gallery::labels_after(std::int64_t after, std::int64_t limit) const {
  std::vector<LabelSummary> labels;
  Statement row(*database_,
                "SELECT labels.id, labels.name, count(*), min(items.id) FROM labels JOIN items "
                "ON items.label_id = labels.id WHERE labels.id > ? GROUP BY labels.id "
                "ORDER BY labels.id LIMIT ?");
  row.bind(1, after).bind(2, limit);
  while (row.step())
    labels.push_back({row.integer(0), row.text(1), row.integer(2), row.integer(3)});
  return labels;
}

std::optional<std::string> Gallery::photo(std::int64_t item_id) const {
  return bytes_of(*database_, "SELECT bytes FROM photos WHERE item_id = ?", item_id);
}

std::string Gallery::photo_bytes(const GalleryItem& item, std::uint64_t max_bytes) const {
  if (auto bytes = photo(item.id)) return *std::move(bytes);
  return read_source(source_of(item), item, max_bytes);
}

std::filesystem::path Gallery::source_of(const GalleryItem& item) const {
  std::error_code failed;  // read_source says why
  auto here = std::filesystem::absolute(path(), failed).parent_path() / item.source;
  if (std::filesystem::exists(here, failed)) return here;
  auto there = std::filesystem::path(note("folder")) / item.source;
  const auto type = std::filesystem::status(there, failed).type();
  return type == std::filesystem::file_type::not_found ? here : there;
}

std::string read_source(const std::filesystem::path& file, const GalleryItem& item,
                        std::uint64_t max_bytes) {
  try {
    if (::access(file.c_str(), R_OK) != 0) {
      const int why = errno;
      const bool gone =
          why == ENOENT || why == ENOTDIR || why == EACCES || why == ELOOP || why == ENAMETOOLONG;
      throw Error(gone ? ErrorCode::kNotFound : ErrorCode::kIo,
                  join("want a file to read: ", std::strerror(why), " (", file.string(), ")"));
    }
    std::error_code absent;
    check(std::filesystem::is_regular_file(file, absent),
          "want a file, got a folder, a pipe or a device (", file.string(), ")");
    return read_file(file, max_bytes);
  } catch (const Error& e) {
    // What the disk or the process cannot do now says nothing of the photo.
    if (e.code == ErrorCode::kIo) throw;
    throw Error(ErrorCode::kNotFound,
                join("gallery: want the photo of item ", item.id, " (", item.path, "): ", e.what()),
                "put the file back, or remove the item and add its photo again");
  }
}

void Gallery::keep_photo(std::int64_t item_id, std::string_view bytes) {
  Statement(*database_, "INSERT OR REPLACE INTO photos (item_id, bytes, checksum) VALUES (?, ?, ?)")
      .bind(1, item_id)
      .bind_blob(2, bytes)
      .bind(3, blob_checksum(bytes))
      .run();
}

std::int64_t Gallery::rename_label(const std::string& from, const std::string& to) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  std::vector<std::int64_t> ids;
  Statement row(*database_,
                "SELECT id FROM items WHERE label_id = (SELECT id FROM labels WHERE name = ?)");
  row.bind(1, from);
  while (row.step()) ids.push_back(row.integer(0));
  relabel(ids, to);
  transaction.commit();
  return static_cast<std::int64_t>(ids.size());
}

std::int64_t Gallery::relabel(const std::vector<std::int64_t>& ids, const std::string& label) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  Statement name(*database_, "INSERT INTO labels (name) VALUES (?) ON CONFLICT DO NOTHING");
  name.bind(1, label).run();
  Statement of_name(*database_, "SELECT id FROM labels WHERE name = ?");
  of_name.bind(1, label).step();
  const std::int64_t label_id = of_name.integer(0);
  std::set<std::int64_t> left{label_id};  // itself when nothing gets it
  Statement before(*database_, "SELECT label_id FROM items WHERE id = ?");
  Statement give(*database_, "UPDATE items SET label_id = ?1 WHERE id = ?2");
  // A checksum is of the label too, so each is made anew.
  Statement row(*database_,
                "SELECT items.path, items.source, items.columns, embeddings.vector, "
                "embeddings.model_id FROM items JOIN embeddings ON embeddings.item_id = items.id "
                "WHERE items.id = ?");
  Statement checksum(*database_,
                     "UPDATE embeddings SET checksum = ? WHERE item_id = ? AND model_id = ?");
  std::int64_t relabelled = 0;
  for (const std::int64_t id : ids) {
    std::int64_t had = label_id;
    for (before.bind(1, id); before.step();) had = before.integer(0);
    if (had == label_id) continue;
    left.insert(had);
    give.bind(1, label_id).bind(2, id).run();
    ++relabelled;
    row.bind(1, id);
    while (row.step())
      checksum.bind(1, row_checksum(label, row.text(0), row.text(1), row.text(2), row.blob(3)))
          .bind(2, id)
          .bind(3, row.integer(4))
          .run();
    if (changes_) changes_->relabelled.emplace_back(id, label);
  }
  drop_lonely_labels(left);
  transaction.commit();
  return relabelled;
}

std::optional<DoneRequest> Gallery::done_request(const std::string& key) const {
  Statement row(*database_, "SELECT digest, answer FROM requests WHERE key = ?");
  if (!row.bind(1, key).step()) return std::nullopt;
  return DoneRequest{row.text(0), row.text(1)};
}

void Gallery::keep_request(const std::string& key, const DoneRequest& request, int days,
                           bool for_good) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  // The latest stay whatever the clock says, which may have been wrong or be wrong now. Of the
  // others a few at a time, the oldest first: more than come.
  Statement(*database_,
            "DELETE FROM requests WHERE time < ?1 AND rowid IN (SELECT rowid FROM requests WHERE "
            "rowid <= (SELECT max(rowid) FROM requests) - ?2 ORDER BY rowid LIMIT 100)")
      .bind(1, now - std::int64_t{days} * 86'400)
      .bind(2, kRequestsKept)
      .run();
  // One that is kept again stays where it is in their order, and pushes no other out.
  Statement(*database_,
            "INSERT INTO requests (key, digest, answer, time) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET digest = excluded.digest, answer = excluded.answer, "
            "time = excluded.time")
      .bind(1, key)
      .bind(2, request.digest)
      .bind(3, request.answer)
      .bind(4, for_good ? kForGood : now)
      .run();
  transaction.commit();
}

void Gallery::forget_request(const std::string& key) {
  Statement(*database_, "DELETE FROM requests WHERE key = ?").bind(1, key).run();
}

std::vector<DoneRequest> Gallery::done_requests(const std::string& prefix,
                                                std::int64_t limit) const {
  std::vector<DoneRequest> requests;
  std::string end = prefix;
  ++end.back();
  Statement row(*database_,
                "SELECT digest, answer FROM requests WHERE key >= ? AND key < ? "
                "ORDER BY rowid DESC LIMIT ?");
  row.bind(1, prefix).bind(2, end).bind(3, limit);
  while (row.step()) requests.push_back({row.text(0), row.text(1)});
  return requests;
}

std::vector<UnknownPhoto> Gallery::unknowns_before(std::int64_t before, std::int64_t limit) const {
  std::vector<UnknownPhoto> photos;
  Statement row(*database_,
                "SELECT id, time, answer FROM unknowns WHERE id < ? ORDER BY id DESC LIMIT ?");
  row.bind(1, before).bind(2, limit);
  while (row.step()) photos.push_back({row.integer(0), row.integer(1), row.text(2)});
  return photos;
}

std::int64_t Gallery::unknown_count() const {
  return database_->integer("SELECT count(*) FROM unknowns");
}

std::int64_t Gallery::keep_unknown(std::string_view bytes, const std::string& answer,
                                   std::int64_t most, std::int64_t most_bytes) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  Statement same(*database_, "SELECT id FROM unknowns WHERE length(bytes) = ? AND bytes = ?");
  same.bind(1, static_cast<std::int64_t>(bytes.size())).bind_blob(2, bytes);
  if (same.step()) return same.integer(0);
  Statement(*database_, "INSERT INTO unknowns (time, bytes, answer) VALUES (?, ?, ?)")
      .bind(1, static_cast<std::int64_t>(std::time(nullptr)))
      .bind_blob(2, bytes)
      .bind(3, answer)
      .run();
  const std::int64_t id = database_->last_id();
  // Beside a large photo its answer is little, and reading it reads the whole photo, which stands
  // before it; the length of a photo is in the head of its row.
  Statement(*database_,
            "DELETE FROM unknowns WHERE id NOT IN (SELECT id FROM (SELECT id, "
            "sum(CASE WHEN length(bytes) > ?3 THEN length(bytes) "
            "ELSE length(bytes) + length(CAST(answer AS BLOB)) END) "
            "OVER (ORDER BY id DESC) AS so_far FROM unknowns) "
            "WHERE so_far <= ?1 ORDER BY id DESC LIMIT ?2)")
      .bind(1, most_bytes)
      .bind(2, most)
      .bind(3, kLargePhoto)
      .run();
  transaction.commit();
  return id;
}

std::optional<std::string> Gallery::unknown_bytes(std::int64_t id) const {
  return bytes_of(*database_, "SELECT bytes FROM unknowns WHERE id = ?", id);
}

bool Gallery::remove_unknown(std::int64_t id) {
  Statement(*database_, "DELETE FROM unknowns WHERE id = ?").bind(1, id).run();
  return database_->changes() > 0;
}

std::int64_t Gallery::data_version() const { return database_->integer("PRAGMA data_version"); }

}  // namespace shoplens
