// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/error.h"

namespace shoplens {

/// An empty file that nobody else can see, gone when this is.
class PrivateFile {
 public:
  PrivateFile() {
    std::string name = (std::filesystem::temp_directory_path() / "shoplens-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    if (fd < 0) throw Error(ErrorCode::kIo, "serve: want a temporary file, got none");
    ::close(fd);
    path_ = name;
  }
  ~PrivateFile() {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(path_.string() + suffix, ignored);
  }
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const {
    std::error_code ignored;
    return std::filesystem::file_size(path_, ignored);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace shoplens
