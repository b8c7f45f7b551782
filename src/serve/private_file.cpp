// SPDX-License-Identifier: Apache-2.0
#include "serve/private_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPrefix = "shoplens-";

// Between making a folder and locking it another process must not take it for abandoned.
constexpr std::chrono::minutes kYoung{1};

// The locked folder; -1 when another has the lock, or it is no folder of this user.
int locked(const fs::path& folder) {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (handle >= 0 && ::flock(handle, LOCK_EX | LOCK_NB) == 0) return handle;
  if (handle >= 0) ::close(handle);
  return -1;
}

}  // namespace

PrivateFile::PrivateFile() {
  std::string folder = (fs::temp_directory_path() / kPrefix).string() + "XXXXXX";
  if (!::mkdtemp(folder.data()))
    throw Error(ErrorCode::kIo, "serve: want a temporary folder, got none");
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
  std::error_code ignored;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(fs::temp_directory_path(ignored), ignored))
    if (entry.path().filename().string().starts_with(kPrefix) &&
        entry.last_write_time(ignored) < old)
      folders.push_back(entry.path());
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
