// SPDX-License-Identifier: Apache-2.0
// Logs go to stderr (results go to stdout) and, once log_to_file is called, to a file too.
// Thread-safe.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/error.h"

namespace shoplens {

enum class LogLevel { kInfo, kWarning, kError };

void log_line(LogLevel level, const std::string& line);

template <class... Parts>
void log_info(const Parts&... parts) {
  log_line(LogLevel::kInfo, join(parts...));
}
template <class... Parts>
void log_warning(const Parts&... parts) {
  log_line(LogLevel::kWarning, join(parts...));
}

/// From now on every line is also appended to `path`, with a time stamp. An empty path stops that.
void log_to_file(const std::filesystem::path& path);

/// Only warnings and errors on stderr; the file still gets everything.
void set_quiet(bool quiet);

/// Progress of one job on stderr: a bar with rate and time left on a terminal, a plain line every
/// 10 s in a log.
class Progress {
 public:
  /// `total` of 0 means unknown.
  Progress(std::string what, std::int64_t total);
  ~Progress();  // ends the bar's line
  void advance(std::int64_t count);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void show(bool last);
  std::string what_;
  std::int64_t total_, done_ = 0;
  bool terminal_, shown_ = false;
  std::chrono::steady_clock::time_point start_, last_shown_;
};

}  // namespace shoplens
