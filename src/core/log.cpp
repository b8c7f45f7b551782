// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

namespace shoplens {
namespace {

struct Sinks {
  std::mutex mutex;
  std::shared_ptr<spdlog::sinks::sink> screen, file;
  Sinks() : screen(std::make_shared<spdlog::sinks::stderr_sink_mt>()) { screen->set_pattern("%v"); }
};

Sinks& sinks() {
  static Sinks all;
  return all;
}

void send(spdlog::level::level_enum level, const std::string& line) {
  Sinks& all = sinks();
  const std::lock_guard lock(all.mutex);
  const spdlog::details::log_msg message("", level, line);
  for (const auto& sink : {all.screen, all.file}) {
    if (!sink || !sink->should_log(level)) continue;
    sink->log(message);
    sink->flush();
  }
}

}  // namespace

void log_line(LogLevel level, const std::string& line) {
  switch (level) {
    case LogLevel::kInfo:
      return send(spdlog::level::info, line);
    case LogLevel::kWarning:
      return send(spdlog::level::warn, "warning: " + line);
    case LogLevel::kError:
      return send(spdlog::level::err, "error: " + line);
  }
}

void log_to_file(const std::filesystem::path& path) {
  Sinks& all = sinks();
  const std::lock_guard lock(all.mutex);
  all.file.reset();
  if (path.empty()) return;
  try {
    all.file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
  } catch (const spdlog::spdlog_ex& e) {
    throw Error(ErrorCode::kIo, join("cannot write the log: ", e.what(), " (", path.string(), ")"));
  }
  all.file->set_pattern("%Y-%m-%dT%H:%M:%S%z %v");
}

void set_quiet(bool quiet) {
  sinks().screen->set_level(quiet ? spdlog::level::warn : spdlog::level::trace);
}

Progress::Progress(std::string what, std::int64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      last_shown_(start_) {}

Progress::~Progress() {
  if (shown_ || terminal_) show(true);
}

void Progress::advance(std::int64_t count) {
  done_ += count;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_shown_ <
      (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000)))
    return;
  last_shown_ = now;
  show(false);
}

void Progress::show(bool last) {
  shown_ = true;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  char text[160];
  if (total_ > 0) {
    const double left =
        rate > 0 ? static_cast<double>(std::max<std::int64_t>(total_ - done_, 0)) / rate : 0;
    std::snprintf(text, sizeof text, "%s  %lld/%lld  %.1f/s  %.0f s left", what_.c_str(),
                  static_cast<long long>(done_), static_cast<long long>(total_), rate, left);
  } else {
    std::snprintf(text, sizeof text, "%s  %lld  %.1f/s", what_.c_str(),
                  static_cast<long long>(done_), rate);
  }
  if (!terminal_) return log_line(LogLevel::kInfo, text);
  constexpr int kWidth = 24;
  const int filled =
      total_ > 0 ? static_cast<int>(std::clamp<std::int64_t>(done_, 0, total_) * kWidth / total_)
                 : 0;
  std::fprintf(stderr, "\r\033[K%s%s %s%s", std::string(filled, '=').c_str(),
               std::string(kWidth - filled, '.').c_str(), text, last ? "\n" : "");
  std::fflush(stderr);
}

}  // namespace shoplens
