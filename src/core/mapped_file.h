// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <string_view>

namespace shoplens {

/// A whole file as memory that the system reads when it is looked at and may take back when memory
/// is short. It stays what it was when another is renamed onto its path.
class MappedFile {
 public:
  /// Throws as open_file, and kIo when it cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);
  /// What write() gives its argument, in a file of `folder` that has no name and goes with this:
  /// memory that need not be there. Throws kIo where there can be none, or the disk is full.
  using Write = std::function<void(const std::function<void(std::string_view)>& put)>;
  MappedFile(const std::filesystem::path& folder, const Write& write);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }
  /// Single places will be looked at from now on: what was read so far may go, and nothing is read
  /// ahead.
  void expect_random_reads() const;

 private:
  void map(int fd, const std::filesystem::path& path);

  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace shoplens
