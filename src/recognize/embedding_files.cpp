// SPDX-License-Identifier: Apache-2.0
#include "recognize/embedding_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/files.h"
#include "data/csv.h"
#include "data/npy.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr const char* kState = "state.toml";
constexpr std::array kNames{"list.csv", "rows.npy", "rows.csv", "errors.csv", kState};

[[noreturn]] void cannot_write(const fs::path& path) {
  throw Error(ErrorCode::kIo,
              join("cannot write: ", std::strerror(errno), " (", path.string(), ")"),
              "is the disk full?");
}

// Open folder, locked until it is closed, or the process ends.
int lock_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directory(folder, failed);
  const int lock = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0)
    throw Error(ErrorCode::kIo,
                join("cannot write: ", std::strerror(errno), " (", folder.string(), ")"),
                "check that the folder exists and that you may write there");
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  ::close(lock);
  throw Error(
      ErrorCode::kBadInput,
      join("embed: want an output that nobody writes, another run does (", folder.string(), ")"));
}

// Ours, and what a kill left of writing them; the folder too, unless something else is in it.
void remove_files(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    for (const char* name : kNames)
      if (entry.path().filename().string().starts_with(name)) fs::remove(entry.path(), ignored);
}

// `path` cut to its first `bytes`, to be written on from there.
std::ofstream open_at(const fs::path& path, std::int64_t bytes) {
  if (!fs::exists(path)) std::ofstream(path, std::ios::binary).close();
  if (fs::file_size(path) < static_cast<std::uint64_t>(bytes))
    throw Error(ErrorCode::kCorrupt,
                join("embed --resume: want at least ", bytes, " bytes, got ", fs::file_size(path),
                     " (", path.string(), ")"),
                "start over without --resume");
  fs::resize_file(path, static_cast<std::uint64_t>(bytes));
  std::ofstream file(path, std::ios::binary | std::ios::in | std::ios::ate);
  if (!file) cannot_write(path);
  return file;
}

std::string value_text(const Option& option) {
  return std::visit(
      [](const auto* value) -> std::string {
        if constexpr (std::is_same_v<decltype(value), const std::vector<std::string>*>)
          return "";  // a run has none
        else
          return join(*value);
      },
      option.value);
}

// Hashes are shown by their beginning.
std::string shown(const std::string& text) { return text.size() == 64 ? text.substr(0, 12) : text; }

void check_same(EmbeddingRun stopped, EmbeddingRun run, const fs::path& part) {
  const auto want = options_of(stopped), got = options_of(run);
  for (std::size_t i = 0; i < want.size(); ++i)
    if (value_text(want[i]) != value_text(got[i]))
      throw Error(ErrorCode::kBadInput,
                  join("embed --resume: want the same ", want[i].help, " as the run that stopped, ",
                       shown(value_text(want[i])), ", got ", shown(value_text(got[i])), " (",
                       part.string(), ")"),
                  "give what that run was given, or start over without --resume");
}

std::string error_line(const std::string& name, const Error& error) {
  const auto text = [](std::string words) {
    if (!is_utf8(words))
      for (char& c : words)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return words;
  };
  return csv_line({name, error_code_name(error.code), text(error.what()), text(error.hint)});
}

}  // namespace

EmbeddingFiles::EmbeddingFiles(const fs::path& npy, std::chrono::milliseconds save_every)
    : npy_(npy),
      part_(npy.string() + ".part"),
      save_every_(save_every),
      lock_(lock_folder(part_)) {}

EmbeddingFiles::~EmbeddingFiles() {
  for (std::ofstream* file : {&rows_, &csv_, &errors_}) file->close();
  if (!can_resume()) remove_files(part_);
  std::error_code not_empty;
  fs::remove(part_, not_empty);
  ::close(lock_);
}

fs::path EmbeddingFiles::csv() const { return fs::path(npy_).replace_extension(".csv"); }

fs::path EmbeddingFiles::errors_csv() const {
  return fs::path(npy_).replace_extension(".errors.csv");
}

bool EmbeddingFiles::can_resume() const {
  std::error_code ignored;
  return fs::exists(part_ / kState, ignored);
}

EmbeddingFiles::State EmbeddingFiles::read_state() const {
  State state;
  const fs::path file = part_ / kState;
  from_toml(options_of(state), read_file(file, 1 << 16), file.string());
  return state;
}

void EmbeddingFiles::start(const EmbeddingRun& run, const PhotoList& list) {
  fs::remove(part_ / kState);  // first: without it the others are nothing to go on with
  state_ = {.run = run};
  open_files();
  write(rows_, state_.rows_bytes, npy_header(0, run.dim));  // its place; commit() knows the rows
  write(csv_, state_.csv_bytes, csv_line(list.header()));
  write(errors_, state_.errors_bytes, csv_line({"path", "code", "message", "hint"}));
  save();
}

void EmbeddingFiles::resume(const EmbeddingRun& run, PhotoList& list) {
  const State stopped = read_state();
  check_same(stopped.run, run, part_);
  state_ = stopped;
  for (std::int64_t i = 0; i < state_.done; ++i) list.take();
  if (state_.done < run.photos) open_files();  // else commit() is left, or the rest of it
  saved_ = std::chrono::steady_clock::now();
}

void EmbeddingFiles::open_files() {
  rows_ = open_at(part_ / "rows.npy", state_.rows_bytes);
  csv_ = open_at(part_ / "rows.csv", state_.csv_bytes);
  errors_ = open_at(part_ / "errors.csv", state_.errors_bytes);
}

void EmbeddingFiles::write(std::ofstream& file, std::int64_t& bytes, std::string_view text) {
  if (!file.write(text.data(), static_cast<std::streamsize>(text.size()))) cannot_write(part_);
  bytes += static_cast<std::int64_t>(text.size());
}

void EmbeddingFiles::append(const EmbeddedBatch& batch, PhotoList& list) {
  write(rows_, state_.rows_bytes,
        {reinterpret_cast<const char*>(batch.embeddings.data()),
         batch.embeddings.size() * sizeof(float)});
  const std::size_t count = batch.photos.size() + batch.errors.size();
  for (std::size_t row = 0, error = 0; row + error < count;) {
    const ManifestRow photo = list.take();
    const bool failed =
        error < batch.errors.size() &&
        (row == batch.photos.size() || batch.errors[error].sample < batch.photos[row]);
    if (failed)
      write(errors_, state_.errors_bytes, error_line(photo.name, batch.errors[error++].error));
    else
      write(csv_, state_.csv_bytes, csv_line(list.fields(photo))), ++row;
  }
  state_.done += static_cast<std::int64_t>(count);
  state_.failed += static_cast<std::int64_t>(batch.errors.size());
  if (state_.done == state_.run.photos || std::chrono::steady_clock::now() - saved_ >= save_every_)
    save();
}

// The note comes after what it says.
void EmbeddingFiles::save() {
  for (std::ofstream* file : {&rows_, &csv_, &errors_})
    if (!file->flush()) cannot_write(part_);
  for (const char* name : {"rows.npy", "rows.csv", "errors.csv"}) sync_path(part_ / name);
  write_file(part_ / kState, to_toml(options_of(state_)));
  saved_ = std::chrono::steady_clock::now();
}

// Each step may have been done before a kill; what was renamed is no longer here.
void EmbeddingFiles::commit() {
  check(state_.done == state_.run.photos, "embed: want ", state_.run.photos, " photos, got ",
        state_.done);
  for (std::ofstream* file : {&rows_, &csv_, &errors_}) file->close();
  if (const fs::path rows = part_ / "rows.npy"; fs::exists(rows)) {
    std::ofstream file(rows, std::ios::binary | std::ios::in);
    file << npy_header(state_.run.photos - state_.failed, state_.run.dim);
    file.close();
    if (!file) cannot_write(rows);
    sync_path(rows);
    fs::rename(rows, npy_);
  }
  if (fs::exists(part_ / "rows.csv")) fs::rename(part_ / "rows.csv", csv());
  if (state_.failed == 0)
    fs::remove(errors_csv());  // of an earlier run
  else if (fs::exists(part_ / "errors.csv"))
    fs::rename(part_ / "errors.csv", errors_csv());
  const fs::path folder = npy_.parent_path();
  sync_path(folder.empty() ? "." : folder);
  remove_files(part_);
}

}  // namespace shoplens
