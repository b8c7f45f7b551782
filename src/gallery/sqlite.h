// SPDX-License-Identifier: Apache-2.0
// SQLite's C interface with owners and errors; included by this folder's .cpp files only.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace shoplens {

/// One connection to a database file. Every failure is an Error that names the file: kCorrupt for a
/// file that is damaged or no database, kIo for the rest.
class Database {
 public:
  enum class Mode {
    kExisting,
    kCreate,
    kImmutable
  };  // kImmutable: on a disk that cannot be written
  Database(std::filesystem::path path, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) const;  // statements without results
  std::int64_t integer(const std::string& sql) const;
  std::string text(const std::string& sql) const;
  std::int64_t last_id() const;
  int changes() const;
  /// Overwrites everything here with `source`'s content, as one transaction of this database.
  void copy_from(const Database& source) const;
  [[noreturn]] void fail(int code, const std::string& doing) const;

  sqlite3* handle() const { return db_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  sqlite3* db_ = nullptr;
};

/// A prepared statement. Parameters count from 1, columns from 0, as in SQLite.
class Statement {
 public:
  Statement(const Database& database, const std::string& sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind_blob(int parameter, std::string_view bytes);
  bool step();  // true: a row is there; false: done, and ready to be bound again
  void run();   // for statements without rows

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  std::string_view blob(int column) const;  // valid until the next step

 private:
  const Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

/// BEGIN IMMEDIATE (or, to read a consistent state, BEGIN) until commit(); rolled back without it.
/// Within another one of its database it does nothing: the outer one decides.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  Transaction(const Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  const Database& database_;
  bool open_;
};

}  // namespace shoplens
