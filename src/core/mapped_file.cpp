// SPDX-License-Identifier: Apache-2.0
#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace shoplens {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const auto fail = [&](int why) {
    throw Error(why == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                join("cannot map: ", std::strerror(why), " (", path.string(), ")"));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(errno);
  struct stat status{};
  int why = ::fstat(fd, &status) != 0 ? errno : 0;
  size_ = static_cast<std::size_t>(status.st_size);
  if (why == 0 && size_ > 0) {
    void* const memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED)
      why = errno;
    else
      data_ = static_cast<const char*>(memory);
  }
  ::close(fd);
  if (why != 0) fail(why);
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
