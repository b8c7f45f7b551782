// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "gallery/gallery.h"
#include "gallery/gallery_schema.h"
#include "gallery/vector_blob.h"

namespace shoplens {
namespace {

using Faults = std::vector<std::string>;

// SQLite's own checks: pages, indices, constraints, references.
void check_structure(const Database& database, Faults& faults) {
  Statement integrity(database, "PRAGMA integrity_check");
  while (integrity.step())
    if (integrity.text(0) != "ok") faults.push_back("database: " + integrity.text(0));
  Statement references(database, "PRAGMA foreign_key_check");
  while (references.step())
    faults.push_back(join("row ", references.integer(1), " of ", references.text(0),
                          " refers to nothing in ", references.text(2)));
}

void check_counts(const Database& database, Faults& faults) {
  // The second is one that an upgrade has begun with.
  if (const auto models = database.integer("SELECT count(*) FROM models"); models < 1 || models > 2)
    faults.push_back(join("want 1 model, or 2 during an upgrade, found ", models));
  Statement lonely(database,
                   "SELECT id, path FROM items WHERE NOT EXISTS (SELECT 1 FROM embeddings WHERE "
                   "item_id = items.id AND model_id = (SELECT min(id) FROM models))");
  while (lonely.step())
    faults.push_back(join("item ", lonely.integer(0), " (", lonely.text(1), ") has no embedding"));
  Statement columns(
      database,
      "SELECT id FROM items WHERE NOT json_valid(columns) OR json_type(columns) <> 'object'");
  while (columns.step())
    faults.push_back(join("item ", columns.integer(0), " has columns that are no JSON object"));
}

void check_embeddings(const Database& database, Faults& faults) {
  Statement row(database,
                "SELECT item_id, vector, checksum, labels.name, items.path, items.source, "
                "items.columns, models.dim FROM embeddings "
                "LEFT JOIN items ON items.id = item_id LEFT JOIN labels ON labels.id = label_id "
                "LEFT JOIN models ON models.id = model_id ORDER BY item_id, model_id");
  std::vector<float> vector;
  while (row.step()) {
    const std::string_view blob = row.blob(1);
    const std::string item = join("item ", row.integer(0), ": ");
    if (row_checksum(row.text(3), row.text(4), row.text(5), row.text(6), blob) != row.text(2))
      faults.push_back(item + "its content does not match its checksum");
    const std::int64_t dim = row.integer(7);
    if (blob.size() != static_cast<std::size_t>(dim) * sizeof(float)) {
      faults.push_back(join(item, "want ", dim, " components, got ", blob.size(), " bytes"));
      continue;
    }
    vector.clear();
    append_blob(blob, vector);
    if (const double length = vector_length(vector); !is_unit_length(length))
      faults.push_back(join(item, "want an embedding of length 1, got ", length));
  }
}

void check_arrays(const Database& database, Faults& faults) {
  Statement row(database, "SELECT name, rows, columns, data, checksum FROM arrays ORDER BY name");
  while (row.step()) {
    const std::string_view blob = row.blob(3);
    if (blob_checksum(blob) != row.text(4))
      faults.push_back(join("array ", row.text(0), ": its content does not match its checksum"));
    if (static_cast<std::int64_t>(blob.size()) !=
        row.integer(1) * row.integer(2) * std::int64_t{sizeof(float)})
      faults.push_back(join("array ", row.text(0), ": want ", row.integer(1), " x ", row.integer(2),
                            " floats, got ", blob.size(), " bytes"));
  }
}

void check_photos(const Database& database, Faults& faults) {
  Statement row(database, "SELECT item_id, bytes, checksum FROM photos ORDER BY item_id");
  while (row.step())
    if (blob_checksum(row.blob(1)) != row.text(2))
      faults.push_back(join("photo of item ", row.integer(0), ": it does not match its checksum"));
}

}  // namespace

std::vector<std::string> Gallery::verify() const {
  Faults faults;
  try {
    const Transaction one_state(*database_, Transaction::Kind::kRead);
    check_structure(*database_, faults);
    check_counts(*database_, faults);
    check_embeddings(*database_, faults);
    check_arrays(*database_, faults);
    check_photos(*database_, faults);
  } catch (const Error& e) {  // so damaged that SQLite gives up
    if (e.code != ErrorCode::kCorrupt) throw;
    faults.push_back(e.what());
  }
  return faults;
}

}  // namespace shoplens
