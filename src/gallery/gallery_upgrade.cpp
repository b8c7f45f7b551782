// SPDX-License-Identifier: Apache-2.0
// A second model's embeddings beside the first's: a further row of `models`, whose id is higher
// than the gallery's own model's, and further rows of `embeddings`. Deleting the first model is the
// switch.
#include "core/error.h"
#include "gallery/gallery.h"
#include "gallery/gallery_schema.h"
#include "gallery/vector_blob.h"

namespace shoplens {
namespace {

struct NextModel {
  std::int64_t id;
  int dim;
};

// The model that an upgrade has begun with. Throws unless it is the one of `fingerprint`.
NextModel next_model(const Database& database, std::int64_t own, const std::string& fingerprint) {
  Statement row(database, "SELECT id, dim FROM models WHERE id > ? AND fingerprint = ?");
  if (!row.bind(1, own).bind(2, fingerprint).step())
    throw Error(ErrorCode::kBadInput,
                join("gallery: want an upgrade to model ", fingerprint.substr(0, 12),
                     ", none is going on (", database.path().string(), ")"),
                "it ended, or another was begun meanwhile: begin it again");
  return {row.integer(0), static_cast<int>(row.integer(1))};
}

constexpr const char* kLacking =
    " FROM items JOIN labels ON labels.id = items.label_id WHERE NOT EXISTS (SELECT 1 FROM "
    "embeddings WHERE item_id = items.id AND model_id = (SELECT max(id) FROM models))";

}  // namespace

void Gallery::begin_upgrade(const GalleryModel& next) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  read_model();
  check(next.fingerprint != model_.fingerprint, "gallery: want another model than its own, got ",
        next.fingerprint.substr(0, 12), " (", path().string(), ")");
  Statement begun(*database_, "SELECT fingerprint FROM models WHERE id > ?");
  const bool same = begun.bind(1, model_id_).step() && begun.text(0) == next.fingerprint;
  if (!same) {
    drop_upgrade();
    Statement(*database_, "INSERT INTO models (fingerprint, arch, dim, path) VALUES (?, ?, ?, ?)")
        .bind(1, next.fingerprint)
        .bind(2, next.arch)
        .bind(3, std::int64_t{next.dim})
        .bind(4, next.path)
        .run();
  }
  transaction.commit();
}

void Gallery::drop_upgrade() {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  read_model();
  Statement(*database_, "DELETE FROM embeddings WHERE model_id > ?").bind(1, model_id_).run();
  Statement(*database_, "DELETE FROM models WHERE id > ?").bind(1, model_id_).run();
  transaction.commit();
}

std::vector<GalleryItem> Gallery::items_to_upgrade(std::int64_t after, std::int64_t limit) const {
  std::vector<GalleryItem> items;
  Statement row(*database_, join("SELECT items.id, labels.name, items.path, items.source", kLacking,
                                 " AND items.id > ? ORDER BY items.id LIMIT ?"));
  row.bind(1, after).bind(2, limit);
  while (row.step()) items.push_back({row.integer(0), row.text(1), row.text(2), row.text(3), {}});
  return items;
}

std::int64_t Gallery::count_to_upgrade() const {
  return database_->integer(join("SELECT count(*)", kLacking));
}

void Gallery::add_upgraded(const std::string& fingerprint, std::span<const GalleryItem> items,
                           std::span<const float> vectors) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  read_model();
  const NextModel next = next_model(*database_, model_id_, fingerprint);
  check_unit_vectors(vectors, items.size(), next.dim, path());
  const auto dim = static_cast<std::size_t>(next.dim);
  // The checksum is of the item as it is now, which may have another label than when it was read.
  Statement row(*database_,
                "SELECT labels.name, items.path, items.source, items.columns FROM items JOIN "
                "labels ON labels.id = items.label_id WHERE items.id = ?");
  Statement insert(*database_,
                   "INSERT OR REPLACE INTO embeddings (item_id, model_id, vector, checksum) VALUES "
                   "(?, ?, ?, ?)");
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!row.bind(1, items[i].id).step()) continue;
    const std::string blob = vector_to_blob(vectors.subspan(i * dim, dim));
    insert.bind(1, items[i].id).bind(2, next.id).bind_blob(3, blob);
    insert.bind(4, row_checksum(row.text(0), row.text(1), row.text(2), row.text(3), blob)).run();
    row.step();  // there is no second: ready to be bound again
  }
  transaction.commit();
}

bool Gallery::finish_upgrade(const std::string& fingerprint,
                             const std::map<std::string, std::string>& notes,
                             const std::vector<std::int64_t>& without) {
  Transaction transaction(*database_, Transaction::Kind::kWrite);
  read_model();
  next_model(*database_, model_id_, fingerprint);
  remove_ids(without);
  if (count_to_upgrade() > 0) return false;
  Statement(*database_, "DELETE FROM embeddings WHERE model_id = ?").bind(1, model_id_).run();
  Statement(*database_, "DELETE FROM models WHERE id = ?").bind(1, model_id_).run();
  configure(notes, {});
  transaction.commit();
  read_model();
  return true;
}

}  // namespace shoplens
