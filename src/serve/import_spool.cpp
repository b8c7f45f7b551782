// SPDX-License-Identifier: Apache-2.0
#include "serve/import_spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/files.h"
#include "core/hash.h"
#include "core/log.h"
#include "serve/text.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMagic = "shoplens import 1";
constexpr std::size_t kHash = 64;            // digits at the end, of all before
constexpr std::size_t kMostHead = 64 << 10;  // bytes; more than HTTP lets through

// Lines, as no header has a line break in it. The body follows.
std::string head_of(const ImportSpool::Import& import, const HttpRequest& request) {
  std::string head;
  for (const std::string& line :
       {std::string(kMagic), std::to_string(import.total), import.asked.key, import.asked.digest,
        request.target, request.header("content-type")})
    head += line + '\n';
  return head;
}

struct Head {
  ImportSpool::Import import{};
  HttpRequest request{};
  std::size_t size = 0;
};

std::optional<Head> read_head(std::string_view text) {
  Head head;
  std::array<std::string_view, 6> lines;
  for (std::string_view& line : lines) {
    const std::size_t end = text.find('\n', head.size);
    if (end == std::string_view::npos) return std::nullopt;
    line = text.substr(head.size, end - head.size);
    head.size = end + 1;
  }
  const auto total = number_of(lines[1]);
  if (lines[0] != kMagic || !total) return std::nullopt;
  head.import.total = *total;
  head.import.asked = {std::string(lines[2]), std::string(lines[3])};
  head.request.target = lines[4];
  head.request.headers["content-type"] = lines[5];
  return head;
}

std::uint64_t size_of(const fs::directory_entry& entry) {
  std::error_code unknown;
  const bool is_file = entry.is_regular_file(unknown);
  const std::uint64_t size = is_file ? entry.file_size(unknown) : 0;
  return unknown ? 0 : size;
}

std::string start_of(const fs::path& file) {
  std::string text(kMostHead, '\0');
  std::ifstream in = open_file(file);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace

ImportSpool::ImportSpool(const fs::path& gallery, std::uint64_t most_bytes)
    : folder_(gallery.string() + ".imports"), most_bytes_(most_bytes) {}

ImportSpool::~ImportSpool() {
  if (lock_ >= 0) ::close(lock_);
}

fs::path ImportSpool::file_of(std::int64_t id) const { return folder_ / std::to_string(id); }

bool ImportSpool::is_ours() const {
  struct stat locked{}, there{};
  return lock_ >= 0 && ::fstat(lock_, &locked) == 0 && ::stat(folder_.c_str(), &there) == 0 &&
         locked.st_dev == there.st_dev && locked.st_ino == there.st_ino;
}

// False when there is no folder, and none is to be made.
bool ImportSpool::lock_folder(bool make) {
  const auto failed = [&](const char* what) {
    return Error(ErrorCode::kIo, join("imports: want to ", what, " their folder: ",
                                      std::strerror(errno), " (", folder_.string(), ")"));
  };
  if (make) {
    if (::mkdir(folder_.c_str(), S_IRWXU) == 0)
      sync_path(fs::absolute(folder_).parent_path());
    else if (errno != EEXIST)
      throw failed("make");
  }
  const int handle = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0 && errno == ENOENT && !make) return false;
  if (handle < 0) throw failed("open");
  if (::flock(handle, LOCK_EX | LOCK_NB) != 0) {
    const bool others = errno == EWOULDBLOCK;
    const Error why = failed("lock");
    ::close(handle);
    if (!others) throw why;
    throw busy(503, "imports_elsewhere",
               "imports: want to do them, another server on this gallery does", 5);
  }
  ::fchmod(handle, S_IRWXU);  // it may have been made by hand; some disks have no rights
  if (lock_ >= 0) ::close(lock_);
  lock_ = handle;
  return true;
}

std::vector<ImportSpool::Import> ImportSpool::take_over(bool make_folder) {
  if (!is_ours() && !lock_folder(make_folder)) return {};
  std::error_code ignored, ec;
  std::vector<fs::path> unfinished;
  std::map<std::int64_t, std::uint64_t> found;
  for (fs::directory_iterator entry(folder_, ec), end; !ec && entry != end; entry.increment(ec)) {
    const std::string name = entry->path().filename().string();
    if (const auto id = number_of(name); id && *id > 0 && file_of(*id) == entry->path())
      found[*id] = size_of(*entry);
    else if (name.find(".tmp") != std::string::npos)  // AtomicFile's
      unfinished.push_back(entry->path());
  }
  if (ec)
    throw Error(ErrorCode::kIo, join("imports: want to read their folder: ", ec.message(), " (",
                                     folder_.string(), ")"));
  for (const fs::path& file : unfinished) fs::remove(file, ignored);
  {
    const std::lock_guard lock(mutex_);
    bytes_ = found;
  }
  std::vector<Import> imports;
  for (const auto& [id, bytes] : found) {
    Import import;
    try {
      if (const auto head = read_head(start_of(file_of(id)))) import = head->import;
    } catch (const Error&) {  // read() says what is wrong
    }
    import.id = id;
    imports.push_back(std::move(import));
  }
  return imports;
}

void ImportSpool::keep(const Import& import, const HttpRequest& request) {
  const std::string head = head_of(import, request);
  const std::uint64_t bytes = head.size() + request.body.size() + kHash;
  {
    const std::lock_guard lock(mutex_);
    std::uint64_t all = bytes;
    for (const auto& [id, others] : bytes_) all += others;
    if (all > most_bytes_)
      throw busy(429, "overloaded",
                 "imports: want room for these photos, those of others that wait have it", 5);
    bytes_[import.id] = bytes;
  }
  try {
    Sha256 hash;
    AtomicFile file(file_of(import.id), AtomicFile::Access::kOwner);
    for (const std::string* part : {&head, &request.body}) {
      hash.update(*part);
      file.stream() << *part;
    }
    file.stream() << hash.hex();
    file.commit();
  } catch (...) {
    discard(import.id);
    throw;
  }
}

HttpRequest ImportSpool::read(std::int64_t id) const {
  const auto spoilt = [](const char* what) {
    return HttpError(500, "corrupt",
                     join("import: want the photos that were sent, the server's file of them is ",
                          what, "; send them again"));
  };
  if (!is_there(file_of(id))) throw spoilt("gone");
  std::string text;
  try {
    text = read_file(file_of(id));
  } catch (const Error& e) {
    if (e.code == ErrorCode::kBadInput) throw spoilt("damaged");  // it is a folder
    throw Error(ErrorCode::kIo, e.what());  // it is there, so that it cannot be found will pass
  }
  auto head = read_head(std::string_view(text).substr(0, kMostHead));
  if (!head || text.size() < head->size + kHash ||
      sha256_hex(std::string_view(text).substr(0, text.size() - kHash)) !=
          std::string_view(text).substr(text.size() - kHash))
    throw spoilt("damaged");
  text.resize(text.size() - kHash);
  text.erase(0, head->size);
  head->request.body = std::move(text);
  parse_target(head->request);
  return std::move(head->request);
}

bool ImportSpool::has(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  return bytes_.contains(id);
}

void ImportSpool::remove(std::int64_t id) {
  if (!has(id)) return;
  std::error_code failed;
  fs::remove(file_of(id), failed);
  if (failed && failed != std::errc::not_a_directory)
    throw Error(ErrorCode::kIo,
                join("cannot remove it: ", failed.message(), " (", file_of(id).string(), ")"));
  if (is_there(folder_)) sync_path(folder_);
  const std::lock_guard lock(mutex_);
  bytes_.erase(id);
}

void ImportSpool::discard(std::int64_t id) try { remove(id); } catch (const Error& e) {
  log_warning("import ", id, ": its file is left behind: ", e.what());
}

}  // namespace shoplens
