// SPDX-License-Identifier: Apache-2.0
// ApproximateIndex in a file (docs/formats.md): it is used only when all of it is as it was
// written.
#include <cstring>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/mapped_file.h"
#include "index/approximate_index.h"

namespace shoplens {
namespace {

constexpr std::size_t kHex = 64;  // digits of a SHA-256

struct Header {
  char magic[8] = {'S', 'h', 'L', 'g', 'C', 'e', 'l', 'l'};
  std::uint32_t version = 3, dim = 0;
  std::uint64_t rows = 0, cells = 0, probes = 0;
  double recall = 0;
  char key[kHex] = {};
};
static_assert(sizeof(Header) == 112);

// Bytes of a file with such a header, its checksum included; 0 when they would be too many.
std::uint64_t size_of(const Header& h) {
  // Rows, and cells, of which there are more where most vectors were removed: nothing overflows.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  if (h.dim == 0 || h.dim > Int8Vectors::kMaxDim) return 0;
  if (h.rows > kMost || h.cells == 0 || h.cells > kMost) return 0;
  return sizeof h + h.rows * 8 + h.cells * h.dim * 4 + h.rows * 4 + h.rows * h.dim * 4 + kHex;
}

// Hashes what it writes.
class HashedFile {
 public:
  explicit HashedFile(const std::filesystem::path& path) : file_(path) {}
  template <class T>
  void write(const T* values, std::size_t count) {
    const std::string_view bytes(reinterpret_cast<const char*>(values), count * sizeof(T));
    hash_.update(bytes);
    file_.stream().write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  void commit() {
    file_.stream() << hash_.hex();
    file_.commit();
  }

 private:
  AtomicFile file_;
  Sha256 hash_;
};

// Walks through the file's arrays.
template <class T>
std::span<const T> take(const char*& at, std::size_t count) {
  const std::span values(reinterpret_cast<const T*>(at), count);
  at += values.size_bytes();
  return values;
}

}  // namespace

void ApproximateIndex::save(const std::filesystem::path& path, const std::string& key) const {
  Header header;
  check(key.size() == kHex, "approximate index: want a key of 64 digits, got ", key.size());
  key.copy(header.key, kHex);
  header.dim = static_cast<std::uint32_t>(dim());
  header.rows = static_cast<std::uint64_t>(size());
  header.cells = static_cast<std::uint64_t>(cells());
  header.probes = static_cast<std::uint64_t>(probes_);
  header.recall = recall_;
  std::vector<std::int64_t> ids;
  std::vector<std::int32_t> cell_of(static_cast<std::size_t>(size()));
  for (std::int64_t row = 0; row < size(); ++row) ids.push_back(rows_.id(row));
  for (std::size_t c = 0; c < cells_.size(); ++c)
    for (const std::int64_t row : cells_[c]->rows)
      cell_of[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(c);
  HashedFile file(path);
  file.write(&header, 1);
  file.write(ids.data(), ids.size());
  for (std::int64_t c = 0; c < cells(); ++c)
    file.write(centroids_.vector(c), static_cast<std::size_t>(dim()));
  file.write(cell_of.data(), cell_of.size());
  for (std::int64_t row = 0; row < size(); ++row)
    file.write(rows_.vector(row), static_cast<std::size_t>(dim()));
  file.commit();
}

std::optional<ApproximateIndex> ApproximateIndex::load(const std::filesystem::path& path,
                                                       const std::function<std::string()>& key,
                                                       int threads) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto file = std::make_shared<const MappedFile>(path);
  const std::string_view bytes = file->bytes();
  const auto corrupt = [&](const std::string& what) {
    return Error(ErrorCode::kCorrupt, join("approximate index: ", what, " (", path.string(), ")"),
                 "delete it: it is made again from the gallery");
  };
  Header header;
  const Header fresh;
  if (bytes.size() < sizeof header) throw corrupt("want a header, the file is shorter");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, fresh.magic, sizeof fresh.magic) != 0)
    throw corrupt("want a file that begins with ShLgCell");
  if (header.version != fresh.version) return std::nullopt;
  if (size_of(header) != bytes.size())
    throw corrupt(join("want ", size_of(header), " bytes, got ", bytes.size()));
  if (sha256_hex(bytes.substr(0, bytes.size() - kHex)) != bytes.substr(bytes.size() - kHex))
    throw corrupt("the checksum is not that of the content");

  const char* at = bytes.data() + sizeof header;
  const int dim = static_cast<int>(header.dim);
  const auto ids = take<std::int64_t>(at, header.rows);
  const auto centroids = take<float>(at, header.cells * header.dim);
  const auto cell_of = take<std::int32_t>(at, header.rows);
  const auto vectors = take<float>(at, header.rows * header.dim);
  for (const std::int32_t cell : cell_of)
    if (cell < 0 || static_cast<std::uint64_t>(cell) >= header.cells)
      throw corrupt(join("want cells below ", header.cells, ", got ", cell));
  ExactIndex by_cell(dim, threads);
  by_cell.add_rows(centroids);
  ApproximateIndex index(std::move(by_cell), VectorRows(dim, {vectors, file}, ids), threads);
  index.fill(cell_of);
  index.set_probes(static_cast<std::int64_t>(header.probes));
  index.recall_ = header.recall;
  if (std::string_view(header.key, kHex) != key()) return std::nullopt;
  file->expect_random_reads();
  return index;
}

}  // namespace shoplens
