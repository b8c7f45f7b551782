// SPDX-License-Identifier: Apache-2.0
#include "gallery/gallery_schema.h"

#include <unistd.h>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE,
  arch TEXT NOT NULL,
  dim INTEGER NOT NULL CHECK (dim > 0),
  path TEXT NOT NULL
) STRICT;
CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE items (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label_id INTEGER NOT NULL REFERENCES labels(id),
  path TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,
  columns TEXT NOT NULL
) STRICT;
CREATE INDEX items_label ON items(label_id);
CREATE TABLE embeddings (
  item_id INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE,
  model_id INTEGER NOT NULL REFERENCES models(id),
  vector BLOB NOT NULL,
  checksum TEXT NOT NULL,
  PRIMARY KEY (item_id, model_id)
) STRICT;
CREATE TABLE arrays (
  name TEXT PRIMARY KEY,
  rows INTEGER NOT NULL,
  columns INTEGER NOT NULL,
  data BLOB NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
)sql";

// What version 3 has and version 2 had not: photos sent to a server, answers to requests that may
// be sent again, photos that wait for a name.
constexpr const char* kTablesOf3 = R"sql(
CREATE TABLE photos (
  item_id INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE,
  bytes BLOB NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
CREATE TABLE requests (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  answer TEXT NOT NULL,
  time INTEGER NOT NULL
) STRICT;
CREATE TABLE unknowns (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  answer TEXT NOT NULL
) STRICT;
)sql";

// WAL wants a -shm file beside the database; in a folder that cannot be written there is none, and
// the file is opened as one that nobody changes.
std::unique_ptr<Database> open_database(const fs::path& path) {
  const fs::path folder = fs::absolute(path).parent_path();
  const bool writable = ::access(folder.c_str(), W_OK) == 0 || is_there(path.string() + "-wal");
  return std::make_unique<Database>(
      path, writable ? Database::Mode::kExisting : Database::Mode::kImmutable);
}

void bring_up_to_date(const Database& database) {
  if (database.integer("PRAGMA user_version") != 2) return;
  Transaction transaction(database, Transaction::Kind::kWrite);
  if (database.integer("PRAGMA user_version") == 2)  // nobody else did it meanwhile
    database.run(join(kTablesOf3, "PRAGMA user_version = ", kGalleryVersion));
  transaction.commit();
}

}  // namespace

void create_schema(const Database& database) {
  database.run("PRAGMA journal_mode = WAL");
  database.run(join("BEGIN; PRAGMA application_id = ", kGalleryMagic, "; PRAGMA user_version = ",
                    kGalleryVersion, ";", kTables, kTablesOf3, "COMMIT"));
}

std::unique_ptr<Database> open_gallery_database(const fs::path& path) {
  if (!is_there(path))
    throw Error(ErrorCode::kNotFound,
                join("gallery: want a file, found nothing (", path.string(), ")"),
                "make one with `shoplens index build`, or check the path");
  if (fs::is_directory(path))
    throw Error(ErrorCode::kBadInput,
                join("gallery: want a file, got a folder (", path.string(), ")"));
  auto database = open_database(path);
  if (const auto magic = database->integer("PRAGMA application_id"); magic != kGalleryMagic)
    throw Error(ErrorCode::kBadInput,
                join("gallery: want a gallery, got another SQLite database or an empty file (",
                     path.string(), ")"),
                "make a gallery with `shoplens index build`");
  bring_up_to_date(*database);
  if (const auto version = database->integer("PRAGMA user_version"); version != kGalleryVersion)
    throw Error(
        ErrorCode::kUnsupported,
        join("gallery: want version ", kGalleryVersion, ", got ", version, " (", path.string(),
             ")"),
        "it was written by another version of shoplens; use that one, or build the gallery again");
  return database;
}

}  // namespace shoplens
