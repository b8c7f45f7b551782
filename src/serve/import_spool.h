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
/// request as it came, to be read as the first time (docs/formats.md). Thread-safe.
class ImportSpool {
 public:
  struct Import {
    std::int64_t id = 0, total = 0;  // photos
    Asked asked{};
  };

  /// Their files have at most so many bytes together.
  ImportSpool(const std::filesystem::path& gallery, std::uint64_t most_bytes);

  /// Those of a server that has ended, by id; of one that is damaged no more than that. To be
  /// called first: what a server did not write to its end is removed. Does not throw for files.
  std::vector<Import> take_over();

  /// On disk when it returns. Throws HttpError 429 when there is no room beside the others, kIo
  /// when the disk has none; then nothing is left of it.
  void keep(const Import& import, const HttpRequest& request);
  /// Target, Content-Type and body of what was kept. Throws HttpError when it is damaged or gone,
  /// kIo when it cannot be read.
  HttpRequest read(std::int64_t id) const;
  /// Nothing when it is gone; the log says what keeps it there.
  void remove(std::int64_t id);

 private:
  std::filesystem::path file_of(std::int64_t id) const;

  std::filesystem::path folder_;
  std::uint64_t most_bytes_;
  std::mutex mutex_;
  std::map<std::int64_t, std::uint64_t> bytes_;  // of each file, also while it is written
};

}  // namespace shoplens
