// SPDX-License-Identifier: Apache-2.0
#include "gallery/gallery_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/files.h"
#include "gallery/gallery_schema.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

// A database file beside `target` that is gone when this is, with SQLite's own files of it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target)
      : path_(target.string() + ".tmp" + std::to_string(::getpid())) {
    remove();
  }
  ~TemporaryFile() { remove(); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"})
      fs::remove(path_.string() + suffix, ignored);
  }
  fs::path path_;
};

void sync(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool failed = fd < 0 || (::fsync(fd) != 0 && errno != EINVAL);
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (failed)
    throw Error(ErrorCode::kIo,
                join("cannot sync: ", std::strerror(why), " (", path.string(), ")"));
}

bool is_one_file(const fs::path& a, const fs::path& b) {
  std::error_code absent;
  return fs::equivalent(a, b, absent);
}

// The gallery at `path`, if there is one that opens.
std::unique_ptr<Database> open_if_sound(const fs::path& path) {
  try {
    auto database = open_gallery_database(path);
    database->integer("SELECT count(*) FROM sqlite_master");
    return database;
  } catch (const Error&) {
    return nullptr;
  }
}

// Puts `made` in place of `path`. An old gallery there is overwritten through SQLite, in one
// transaction, because others may have it open, and its -wal file must not be taken for the new
// one's. Anything else is renamed over.
void put_in_place(const fs::path& made, const fs::path& path) {
  if (const auto old = is_there(path) ? open_if_sound(path) : nullptr) {
    old->copy_from(Database(made, Database::Mode::kExisting));
    return;
  }
  for (const char* suffix : {"-wal", "-shm", "-journal"}) fs::remove(path.string() + suffix);
  sync(made);
  fs::rename(made, path);
  sync(fs::absolute(path).parent_path());
}

}  // namespace

void check_writable(const fs::path& path, bool overwrite) {
  const fs::path folder = fs::absolute(path).parent_path();
  if (!is_there(folder) || !fs::is_directory(folder))
    throw Error(ErrorCode::kNotFound,
                join("want a folder to write to, found none (", folder.string(), ")"));
  if (!overwrite && is_there(path))
    throw Error(ErrorCode::kBadInput,
                join("want a new file, this one exists (", path.string(), ")"),
                "--force overwrites it");
}

std::string relative_to_gallery(const fs::path& file, const fs::path& path) {
  const fs::path folder = fs::weakly_canonical(fs::absolute(path)).parent_path();
  return fs::weakly_canonical(fs::absolute(file)).lexically_relative(folder).generic_string();
}

void build_gallery(const fs::path& path, const GalleryModel& model,
                   const std::map<std::string, std::string>& notes,
                   std::span<const GalleryItem> items, std::span<const float> vectors,
                   bool overwrite) {
  check_writable(path, overwrite);
  const TemporaryFile temporary(path);
  {
    const Database database(temporary.path(), Database::Mode::kCreate);
    create_schema(database);
    Statement note(database, "INSERT INTO meta (key, value) VALUES (?, ?)");
    for (const auto& [key, value] : notes) note.bind(1, key).bind(2, value).run();
    note.bind(1, std::string_view("folder"))
        .bind(2, fs::weakly_canonical(fs::absolute(path)).parent_path().string());
    note.run();
    Statement(database, "INSERT INTO models (fingerprint, arch, dim, path) VALUES (?, ?, ?, ?)")
        .bind(1, model.fingerprint)
        .bind(2, model.arch)
        .bind(3, model.dim)
        .bind(4, relative_to_gallery(model.path, path))
        .run();
  }
  Gallery(temporary.path()).add(model.fingerprint, items, vectors, OnExisting::kError);
  put_in_place(temporary.path(), path);
}

void snapshot_gallery(const fs::path& path, const fs::path& out, bool overwrite) {
  check_writable(out, overwrite);
  check(!is_one_file(path, out), "snapshot: want a file other than the gallery (", out.string(),
        ")");
  const TemporaryFile temporary(out);
  const auto database = open_gallery_database(path);
  Statement(*database, "VACUUM INTO ?").bind(1, temporary.path().string()).run();
  put_in_place(temporary.path(), out);
}

namespace {

// Ids that `old` has given are not given again, as they may be remembered: by a browser for a
// photo. Of a damaged one it cannot be known.
void continue_ids(const Database& old, const Database& made) try {
  Statement given(old, "SELECT name, seq FROM sqlite_sequence");
  Statement forget(made, "DELETE FROM sqlite_sequence WHERE name = ? AND seq < ?");
  Statement keep(made,
                 "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 WHERE NOT EXISTS "
                 "(SELECT 1 FROM sqlite_sequence WHERE name = ?1)");
  while (given.step()) {
    const std::string name = given.text(0);
    const std::int64_t last = given.integer(1);
    for (Statement* statement : {&forget, &keep}) statement->bind(1, name).bind(2, last).run();
  }
} catch (const Error&) {
}

}  // namespace

void restore_gallery(const fs::path& from, const fs::path& path, bool force,
                     const std::function<void(const Gallery&)>& try_out,
                     const std::function<void(const std::function<void()>& put)>& last_step) {
  check_writable(path, true);
  if (!force && is_there(path) && !open_if_sound(path))
    throw Error(ErrorCode::kBadInput,
                join("restore: want a gallery to bring back, got another or a damaged file (",
                     path.string(), ")"),
                "--force replaces it all the same");
  if (const auto faults = Gallery(from).verify(); !faults.empty())
    throw Error(ErrorCode::kCorrupt,
                join("restore: want a sound snapshot, but ", faults[0], " (", from.string(), ")"),
                "`shoplens index verify` tells all that is wrong");
  check(!is_one_file(from, path), "restore: want a file other than the gallery (", from.string(),
        ")");
  const TemporaryFile temporary(path);
  {
    const auto snapshot = open_gallery_database(from);
    Statement(*snapshot, "VACUUM INTO ?").bind(1, temporary.path().string()).run();
    const Database made(temporary.path(), Database::Mode::kExisting);
    made.run("PRAGMA journal_mode = WAL");
  }
  if (try_out) try_out(Gallery(temporary.path()));
  const auto put = [&] {
    if (const auto old = is_there(path) ? open_if_sound(path) : nullptr)
      continue_ids(*old, Database(temporary.path(), Database::Mode::kExisting));
    put_in_place(temporary.path(), path);
    remove_index_file(path);
  };
  last_step ? last_step(put) : put();
}

}  // namespace shoplens
