// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

namespace shoplens {

/// A whole file as memory that the system reads when it is looked at and may take back when memory
/// is short. It stays what it was when another is renamed onto its path.
class MappedFile {
 public:
  /// Throws kNotFound when it is absent, kIo when it cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }
  /// Single places will be looked at from now on: what was read so far may go, and nothing is read
  /// ahead.
  void expect_random_reads() const;

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace shoplens
