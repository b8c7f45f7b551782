// SPDX-License-Identifier: Apache-2.0
#include "core/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace shoplens {
namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code unknown;
  const bool found = fs::exists(path, unknown);
  if (unknown)
    throw Error(
        ErrorCode::kIo,
        join("cannot tell whether it exists: ", unknown.message(), " (", path.string(), ")"),
        "check that you may enter the folders that the path leads through");
  return found;
}

std::ifstream open_file(const fs::path& path) {
  std::error_code status;
  if (!fs::exists(path, status))
    throw Error(ErrorCode::kNotFound, join("want a file, found nothing (", path.string(), ")"),
                "check the path; relative paths start at the current folder");
  if (fs::is_directory(path, status))
    throw Error(ErrorCode::kBadInput, join("want a file, got a folder (", path.string(), ")"));
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw Error(ErrorCode::kIo,
                join("cannot open: ", std::strerror(errno), " (", path.string(), ")"));
  return in;
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  std::ifstream in = open_file(path);
  const auto too_large = [&](const std::string& size) {
    throw Error(ErrorCode::kBadInput,
                join("want at most ", max_bytes, " bytes, got ", size, " (", path.string(), ")"));
  };
  std::error_code status;
  const std::uint64_t size = fs::file_size(path, status);
  if (!status && size > max_bytes) too_large(std::to_string(size));
  // To the end, whatever the size said: pipes and /proc have none, and a file may be growing.
  std::string bytes(status ? 1 << 16 : size + 1, '\0');
  std::size_t have = 0;
  while (in.read(bytes.data() + have, static_cast<std::streamsize>(bytes.size() - have)) ||
         in.gcount() > 0) {
    have += static_cast<std::size_t>(in.gcount());
    if (have > max_bytes) too_large("more");
    if (have == bytes.size()) bytes.resize(2 * have);
  }
  bytes.resize(have);
  if (in.bad())
    throw Error(ErrorCode::kIo,
                join("cannot read: ", std::strerror(errno), " (", path.string(), ")"));
  return bytes;
}

FileId file_id(const fs::path& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0)
    throw Error(ErrorCode::kNotFound,
                join("want a file: ", std::strerror(errno), " (", path.string(), ")"));
  return {status.st_dev, status.st_ino};
}

void sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int why = errno;
    std::error_code unknown;
    if (why == EACCES && fs::is_directory(path, unknown)) return;  // what is in it stands
    throw Error(ErrorCode::kIo,
                join("cannot open it to sync it: ", std::strerror(why), " (", path.string(), ")"));
  }
  const int failed = ::fsync(fd);
  const int why = errno;
  ::close(fd);
  if (failed && why != EINVAL && why != EROFS)
    throw Error(ErrorCode::kIo,
                join("cannot sync: ", std::strerror(why), " (", path.string(), ")"));
}

namespace {

// A name of its own for each writer, also in one process.
std::string temporary_suffix() {
  static std::atomic<int> count{0};
  return ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(count++);
}

}  // namespace

AtomicFile::AtomicFile(fs::path path, Access access)
    : path_(std::move(path)),
      temporary_(path_.string() + temporary_suffix()),
      stream_(temporary_, std::ios::binary | std::ios::trunc) {
  if (!stream_)
    throw Error(ErrorCode::kIo,
                join("cannot write: ", std::strerror(errno), " (", path_.string(), ")"),
                "check that the folder exists and that you may write there");
  std::error_code without_rights;  // some disks are
  if (access == Access::kOwner)
    fs::permissions(temporary_, fs::perms::owner_read | fs::perms::owner_write, without_rights);
}

AtomicFile::~AtomicFile() {
  if (committed_) return;
  stream_.close();
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  stream_.close();
  if (!stream_)
    throw Error(ErrorCode::kIo,
                join("cannot write: ", std::strerror(errno), " (", path_.string(), ")"),
                "is the disk full?");
  sync_path(temporary_);
  std::error_code failed;
  fs::rename(temporary_, path_, failed);
  if (failed)
    throw Error(ErrorCode::kIo,
                join("cannot rename onto it: ", failed.message(), " (", path_.string(), ")"));
  committed_ = true;
  const fs::path folder = path_.parent_path();
  sync_path(folder.empty() ? "." : folder);
}

void write_file(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.stream().write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.commit();
}

}  // namespace shoplens
