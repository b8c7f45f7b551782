// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace shoplens {

/// Whether the path names a file or a folder. Throws kIo when that cannot be said, as of one in a
/// folder that may not be entered: what is there must not be taken for absent, and written anew.
bool is_there(const std::filesystem::path& path);

/// The file opened for reading bytes. Throws kNotFound when it is absent, kBadInput when it is a
/// folder, kIo when it cannot be opened.
std::ifstream open_file(const std::filesystem::path& path);

/// The whole file. Throws kNotFound when it is absent, kIo when it cannot be read, kBadInput when
/// it is a folder or larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = UINT64_MAX);

/// A file written under a temporary name beside `path` and renamed onto it by commit(), so that a
/// reader sees the old file or the whole new one, also after a power cut. Without commit() nothing
/// is left behind.
class AtomicFile {
 public:
  enum class Access { kAsUsual, kOwner };  // who may open it, from before it has content
  explicit AtomicFile(std::filesystem::path path, Access access = Access::kAsUsual);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  std::ostream& stream() { return stream_; }
  void commit();  // flush, fsync, rename, fsync of the folder; throws kIo

 private:
  std::filesystem::path path_, temporary_;
  std::ofstream stream_;
  bool committed_ = false;
};

/// Which file a path names: another one when a file was put in its place.
struct FileId {
  std::uint64_t device = 0, inode = 0;
  bool operator==(const FileId&) const = default;
};
FileId file_id(const std::filesystem::path& path);  // throws kNotFound

/// Waits until what was written to the file or folder is on the disk; throws kIo. Of a folder that
/// this user may not read nothing can be waited for.
void sync_path(const std::filesystem::path& path);

/// Writes `bytes` to `path` through an AtomicFile.
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace shoplens
