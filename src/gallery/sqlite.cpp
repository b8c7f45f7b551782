// SPDX-License-Identifier: Apache-2.0
#include "gallery/sqlite.h"

#include <sqlite3.h>

#include "core/error.h"

namespace shoplens {
namespace {

constexpr int kBusyMilliseconds = 10'000;  // how long to wait for another process that is writing

// An URI, because only there can a file be opened as immutable; '?', '#' and '%' of the path are
// escaped.
std::string uri_of(const std::filesystem::path& path, bool immutable) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '?')
      uri += "%3f";
    else if (c == '#')
      uri += "%23";
    else if (c == '%')
      uri += "%25";
    else
      uri += c;
  }
  return uri + (immutable ? "?immutable=1" : "");
}

}  // namespace

Database::Database(std::filesystem::path path, Mode mode) : path_(std::move(path)) {
  const int access = mode == Mode::kImmutable ? SQLITE_OPEN_READONLY
                     : mode == Mode::kCreate  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                              : SQLITE_OPEN_READWRITE;
  const std::string uri = uri_of(path_, mode == Mode::kImmutable);
  const int code = sqlite3_open_v2(uri.c_str(), &db_, access | SQLITE_OPEN_URI, nullptr);
  try {
    if (code != SQLITE_OK) fail(code, "cannot open");
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, kBusyMilliseconds);
    // A restore goes through the log: without a limit that stays as large as a whole gallery.
    run("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; "
        "PRAGMA journal_size_limit = 67108864");
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

Database::~Database() { sqlite3_close(db_); }

void Database::fail(int code, const std::string& doing) const {
  const std::string why = db_ ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
  const int kind = code & 0xff;  // the low byte of an extended code is the plain one
  const bool damaged = kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT;
  std::string hint;
  if (kind == SQLITE_NOTADB) hint = "the file is no gallery; make one with `shoplens index build`";
  if (kind == SQLITE_CORRUPT)
    hint = "bring back a snapshot with `shoplens index restore`, or build the gallery again";
  if (kind == SQLITE_BUSY) hint = "another process is writing to it; try again when that is done";
  if (kind == SQLITE_FULL) hint = "is the disk full?";
  if (kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN)
    hint = "check that you may write to it and its folder";
  throw Error(damaged ? ErrorCode::kCorrupt : ErrorCode::kIo,
              join(doing, ": ", why, " (", path_.string(), ")"), hint);
}

void Database::run(const std::string& sql) const {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, "gallery");
}

std::int64_t Database::integer(const std::string& sql) const {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Database::text(const std::string& sql) const {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : "";
}

std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(db_); }

int Database::changes() const { return sqlite3_changes(db_); }

void Database::copy_from(const Database& source) const {
  sqlite3_backup* backup = sqlite3_backup_init(db_, "main", source.db_, "main");
  if (!backup) fail(sqlite3_extended_errcode(db_), "cannot copy onto it");
  int code = SQLITE_OK;
  // A backup step does not wait by itself when a writer holds the lock.
  for (int waited = 0; waited < kBusyMilliseconds; waited += 50) {
    code = sqlite3_backup_step(backup, -1);
    if (code != SQLITE_BUSY && code != SQLITE_LOCKED) break;
    sqlite3_sleep(50);
  }
  const int finished = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) fail(code, "cannot copy onto it");
  if (finished != SQLITE_OK) fail(finished, "cannot copy onto it");
}

Statement::Statement(const Database& database, const std::string& sql) : database_(database) {
  const int code = sqlite3_prepare_v2(database.handle(), sql.c_str(), -1, &statement_, nullptr);
  if (code != SQLITE_OK) database.fail(code, "gallery");
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_, parameter, value);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text(statement_, parameter, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_blob(int parameter, std::string_view bytes) {
  sqlite3_bind_blob(statement_, parameter, bytes.data(), static_cast<int>(bytes.size()),
                    SQLITE_TRANSIENT);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(statement_);
  if (code != SQLITE_DONE) database_.fail(code, "gallery");
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return bytes ? std::string(bytes,
                             static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
               : "";
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Transaction::Transaction(const Database& database, Kind kind)
    : database_(database), open_(sqlite3_get_autocommit(database.handle()) != 0) {
  if (open_) database_.run(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  if (open_) database_.run("COMMIT");
  open_ = false;
}

}  // namespace shoplens
