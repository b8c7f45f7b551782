// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace shoplens {

class Database;

/// The model whose embeddings a gallery holds.
struct GalleryModel {
  std::string fingerprint;  // ModelInfo::fingerprint: vectors of any other are refused
  std::string arch;
  int dim = 0;
  std::string path;  // relative to the gallery's folder
};

/// A photo of the catalogue.
struct GalleryItem {
  std::int64_t id = 0;  // given by the gallery, never used twice
  std::string label;
  std::string path;    // as the manifest names it; unique within the gallery
  std::string source;  // where the photo was, relative to the gallery's folder
  std::vector<std::pair<std::string, std::string>>
      columns;  // the manifest's other columns, e.g. coarse_label
};

/// Items with their embeddings, row i of vectors [items, dim] being items[i]'s; by ascending id.
struct GalleryContent {
  std::vector<GalleryItem> items;
  std::vector<float> vectors;
};

/// A matrix kept with the gallery, e.g. "whitening": values [rows, columns], row-major.
struct GalleryArray {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> values;
  bool operator==(const GalleryArray&) const = default;
};

enum class OnExisting {
  kError,
  kSkip,
  kReplace
};  // what add does with a path that is already there

struct AddCounts {
  std::int64_t added = 0, replaced = 0, skipped = 0;
};

/// The catalogue with its embeddings, in one SQLite file (docs/formats.md). Processes may read it
/// while one writes. A change is one transaction: whatever kills the process, all of it is there
/// afterwards or nothing. Every function throws Error that names the file: kIo, kCorrupt, or as
/// said. Use one object on one thread at a time.
class Gallery {
 public:
  /// Opens it; checks magic and version. Throws as open_gallery_database does.
  explicit Gallery(const std::filesystem::path& path);
  ~Gallery();
  Gallery(Gallery&&) noexcept;
  Gallery& operator=(Gallery&&) noexcept;

  const std::filesystem::path& path() const;
  const GalleryModel& model() const { return model_; }
  /// A note kept with the gallery, e.g. "pipeline"; empty when there is none of that key.
  std::string note(const std::string& key) const;
  /// A matrix kept with the gallery; nothing when there is none of that name.
  std::optional<GalleryArray> array(const std::string& name) const;
  void write_note(const std::string& key, const std::string& value);
  /// Writes notes, and in place of all arrays these, in one transaction.
  void configure(const std::map<std::string, std::string>& notes,
                 const std::map<std::string, GalleryArray>& arrays);

  /// Throws kBadInput naming `model_file` unless `fingerprint` is the gallery's model's.
  void check_model(const std::string& fingerprint, const std::filesystem::path& model_file) const;
  /// A model file by the path that the gallery recorded for it: seen from the gallery, or from
  /// where the gallery was made, or of that name beside the gallery; nothing when it is in none of
  /// these places.
  std::optional<std::filesystem::path> locate_model(const std::string& recorded) const;
  /// locate_model, or kNotFound that says where it was looked for.
  std::filesystem::path find_model(const std::string& recorded) const;

  std::int64_t size() const;
  std::map<std::string, std::int64_t> label_counts() const;
  std::vector<GalleryItem> items() const;  // by ascending id
  GalleryContent content() const;  // one consistent state, also while another process writes
  /// Those of `paths` that are in the gallery, in their order.
  std::vector<std::string> existing(const std::vector<std::string>& paths) const;

  /// Adds items (their ids are not read) with vectors [items, dim], each of length 1 (else
  /// kBadInput), made by the model of `fingerprint` (else kBadInput). An existing path is kBadInput
  /// naming it, or skipped, or replaced.
  AddCounts add(const std::string& fingerprint, std::span<const GalleryItem> items,
                std::span<const float> vectors, OnExisting on_existing);

  /// Remove items by what names them; return how many went.
  std::int64_t remove_ids(const std::vector<std::int64_t>& ids);
  std::int64_t remove_labels(const std::vector<std::string>& labels);
  std::int64_t remove_paths(const std::vector<std::string>& paths);

  /// Checks everything: SQLite's own structures, references, each vector's checksum, length and
  /// values, JSON. What is wrong, a line each; empty for a sound gallery.
  std::vector<std::string> verify() const;

 private:
  std::unique_ptr<Database> database_;
  std::int64_t model_id_ = 0;  // before model_, whose reading sets it
  GalleryModel model_;
};

}  // namespace shoplens
