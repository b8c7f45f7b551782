// SPDX-License-Identifier: Apache-2.0
#include "serve/private_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "shoplens-serve-", kTail = "XXXXXX";  // mkdtemp's template

// What docs/serve.md says, and no other variable.
fs::path temporary_folder() {
  const char* const set = std::getenv("TMPDIR");
  return set && *set ? set : "/tmp";
}

// Between making a folder and locking it another process must not take it for abandoned.
constexpr std::chrono::minutes kYoung{1};

bool is_named_so(const std::string& name) {
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + kTail.size();
}

// The folder, locked; -1 when another has the lock, or it is none that this user made so.
int locked(const fs::path& folder) {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat about{};
  if (handle >= 0 && ::fstat(handle, &about) == 0 && about.st_uid == ::geteuid() &&
      (about.st_mode & 0777) == 0700 && ::flock(handle, LOCK_EX | LOCK_NB) == 0)
    return handle;
  if (handle >= 0) ::close(handle);
  return -1;
}

}  // namespace

PrivateFile::PrivateFile() {
  const fs::path parent = temporary_folder();
  std::string folder = (parent / join(kPrefix, kTail)).string();
  if (!::mkdtemp(folder.data()))
    throw Error(ErrorCode::kIo,
                join("serve: want to make a temporary folder: ", std::strerror(errno), " (",
                     parent.string(), ")"),
                "set TMPDIR to a folder that may be written, with room for galleries and models");
  path_ = fs::path(folder) / "file";
  lock_ = locked(folder);
}

PrivateFile::~PrivateFile() {
  std::error_code ignored;
  fs::remove_all(path_.parent_path(), ignored);
  if (lock_ >= 0) ::close(lock_);
}

std::uint64_t PrivateFile::size() const {
  std::error_code ignored;
  return fs::file_size(path_, ignored);
}

int PrivateFile::remove_abandoned() {
  const auto old = fs::file_time_type::clock::now() - kYoung;
  std::error_code ignored, ec;
  std::vector<fs::path> folders;
  for (fs::directory_iterator entry(temporary_folder(), ec), end; !ec && entry != end;
       entry.increment(ec))
    if (is_named_so(entry->path().filename().string()) && entry->last_write_time(ignored) < old)
      folders.push_back(entry->path());
  int removed = 0;
  for (const fs::path& folder : folders) {
    const int lock = locked(folder);
    if (lock < 0) continue;
    if (fs::remove_all(folder, ignored) != static_cast<std::uintmax_t>(-1)) ++removed;
    ::close(lock);
  }
  return removed;
}

}  // namespace shoplens
