// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>

namespace shoplens {

/// A place for a file that nobody else can see, however it is written (others may be renamed onto
/// it, or lie beside it for a while): alone in a folder of its own, gone when this is.
class PrivateFile {
 public:
  PrivateFile();  // in $TMPDIR or /tmp; throws kIo
  ~PrivateFile();
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const;

  /// Removes those of processes that were killed. Returns how many.
  static int remove_abandoned();

 private:
  std::filesystem::path path_;
  int lock_;  // on the folder, for as long as this process lives
};

}  // namespace shoplens
