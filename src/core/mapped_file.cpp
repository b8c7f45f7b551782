// SPDX-License-Identifier: Apache-2.0
#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

[[noreturn]] void fail(const char* doing, const std::filesystem::path& path) {
  throw Error(ErrorCode::kIo, join(doing, ": ", std::strerror(errno), " (", path.string(), ")"));
}

struct OpenFile {
  int fd;
  ~OpenFile() { ::close(fd); }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  open_file(path);  // says what is wrong with it
  const OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) fail("cannot map", path);
  map(file.fd, path);
}

MappedFile::MappedFile(const std::filesystem::path& folder, const Write& write) {
  const OpenFile file{::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (file.fd < 0) fail("cannot make a file without a name", folder);
  write([&](std::string_view bytes) {
    while (!bytes.empty()) {
      const ::ssize_t written = ::write(file.fd, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot write to a file without a name", folder);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  });
  map(file.fd, folder);
}

void MappedFile::map(int fd, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) fail("cannot map", path);
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* const memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED) fail("cannot map", path);
  data_ = static_cast<const char*>(memory);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<char*>(data_), size_);
}

void MappedFile::expect_random_reads() const {
  if (!data_) return;
  ::madvise(const_cast<char*>(data_), size_, MADV_DONTNEED);
  ::madvise(const_cast<char*>(data_), size_, MADV_RANDOM);
}

}  // namespace shoplens
