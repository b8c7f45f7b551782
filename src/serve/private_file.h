// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/error.h"

namespace shoplens {

/// A place for a file that nobody else can see, however it is written (others may be renamed onto
/// it, or lie beside it for a while): alone in a folder of its own, gone when this is.
class PrivateFile {
 public:
  PrivateFile() {
    std::string folder = (std::filesystem::temp_directory_path() / "shoplens-XXXXXX").string();
    if (!::mkdtemp(folder.data()))
      throw Error(ErrorCode::kIo, "serve: want a temporary folder, got none");
    path_ = std::filesystem::path(folder) / "file";
  }
  ~PrivateFile() {
    std::error_code ignored;
    std::filesystem::remove_all(path_.parent_path(), ignored);
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
