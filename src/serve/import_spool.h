// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "serve/http.h"

namespace shoplens {

/// Imports that were accepted and are not done: each is a file beside the gallery that has its
/// request as it came, to be read as the first time (docs/formats.md). Of servers on one gallery
/// one has them, from take_over() on for as long as this lives. Thread-safe, but for take_over().
class ImportSpool {
 public:
  struct Import {
    std::int64_t id = 0, total = 0;  // photos
    Asked asked{};
  };

  /// Their files have at most so many bytes together.
  ImportSpool(const std::filesystem::path& gallery, std::uint64_t most_bytes);

  ~ImportSpool();
  ImportSpool(const ImportSpool&) = delete;
  ImportSpool& operator=(const ImportSpool&) = delete;

  bool is_ours() const;
  /// Those of a server that has ended, by id; of one that is damaged no more than that. What was
  /// not written to its end is removed. To be called before all below; where there is no folder,
  /// and none is to be made, none is taken over. Throws HttpError 503 when another server has them,
  /// kIo when the folder can be neither made nor read.
  std::vector<Import> take_over(bool make_folder);

  /// On disk when it returns. Throws HttpError 429 when there is no room beside the others, kIo
  /// when the disk has none; then nothing is left of it.
  void keep(const Import& import, const HttpRequest& request);
  /// Target, Content-Type and body of what was kept. Throws HttpError when it is damaged or gone,
  /// kIo when it cannot be read.
  HttpRequest read(std::int64_t id) const;
  bool has(std::int64_t id) const;
  /// Gone from the disk when it returns, if it was there. Throws kIo.
  void remove(std::int64_t id);
  /// The same for one whose file will not be needed: the log says what keeps it there.
  void discard(std::int64_t id);

 private:
  std::filesystem::path file_of(std::int64_t id) const;
  bool lock_folder(bool make);

  std::filesystem::path folder_;
  std::uint64_t most_bytes_;
  int lock_ = -1;  // on the folder
  mutable std::mutex mutex_;
  std::map<std::int64_t, std::uint64_t> bytes_;  // of each file, also while it is written
};

}  // namespace shoplens
