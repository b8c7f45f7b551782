// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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

/// Where the approximate index of a gallery is kept: beside it. It has the vectors of what was
/// removed or replaced since it was made, so that takes it away. It is made again when it is next
/// wanted, which it would be anyway.
std::filesystem::path index_file_of(const std::filesystem::path& gallery);
void remove_index_file(const std::filesystem::path& gallery);

/// The bytes of the file that an item was made from (Gallery::source_of). Throws kNotFound naming
/// the item when it is not there or out of reach, no file, or larger than `max_bytes`.
std::string read_source(const std::filesystem::path& file, const GalleryItem& item,
                        std::uint64_t max_bytes);

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

/// What add does with a path that is already there. kRelabel skips it and gives the item there the
/// label.
enum class OnExisting { kError, kSkip, kRelabel, kReplace };

struct AddCounts {
  std::int64_t added = 0, replaced = 0, skipped = 0;
  std::int64_t relabelled = 0;  // of the skipped, those that had another label
  std::vector<std::int64_t>
      ids{};  // of the items, in their order; of a skipped one the item's there
};

struct LabelSummary {
  std::int64_t id;
  std::string name;
  std::int64_t photos = 0, first_item = 0;
};

/// What became of items in a transaction, in the order to do it again: first what was added [n]
/// with its vectors [n, dim], then the new labels by item, then what was removed. An item may be in
/// more than one.
struct GalleryChanges {
  std::vector<GalleryItem> added;
  std::vector<float> vectors;
  std::vector<std::pair<std::int64_t, std::string>> relabelled;
  std::vector<std::int64_t> removed;
  bool settings = false;  // notes, arrays or the model are others now
};

/// A photo that was answered "unknown", kept for a person to name.
struct UnknownPhoto {
  std::int64_t id = 0;
  std::int64_t time = 0;  // seconds since 1970
  std::string answer;     // JSON: what it was taken for
};

/// The answer to a change that may be sent again: `digest` is of what was asked.
struct DoneRequest {
  std::string digest, answer;
  bool operator==(const DoneRequest&) const = default;
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
  bool has_label(const std::string& label) const;
  std::vector<GalleryItem> items() const;  // by ascending id
  GalleryContent content() const;  // one consistent state, also while another process writes
  /// The same item by item, with its vector [dim], which is gone after the call.
  void visit(const std::function<void(GalleryItem, std::span<const float>)>& see) const;
  /// While what this returns lives, all that is read here is of one state, also while another
  /// process writes, whose log grows until then.
  std::shared_ptr<const void> one_state() const;
  /// Those of `paths` that are in the gallery, in their order.
  std::vector<std::string> existing(const std::vector<std::string>& paths) const;

  /// Adds items (their ids are not read) with vectors [items, dim], each of length 1 (else
  /// kBadInput), made by the model of `fingerprint` (else kBadInput). An existing path is kBadInput
  /// naming it, or as `on_existing` says.
  AddCounts add(const std::string& fingerprint, std::span<const GalleryItem> items,
                std::span<const float> vectors, OnExisting on_existing);

  /// Remove items by what names them; return how many went.
  std::int64_t remove_ids(const std::vector<std::int64_t>& ids);
  std::int64_t remove_labels(const std::vector<std::string>& labels);
  std::int64_t remove_paths(const std::vector<std::string>& paths);

  /// What body() changes through this object is one transaction: all of it is there when this
  /// returns, or, when it throws, nothing. Returns what it was. Not within another.
  GalleryChanges transact(const std::function<void()>& body);

  std::optional<GalleryItem> item(std::int64_t id) const;
  /// At most `limit` items with ids above `after`, by id; of one label unless that is "".
  std::vector<GalleryItem> items_after(std::int64_t after, std::int64_t limit,
                                       const std::string& label) const;
  /// At most `limit` labels with ids above `after`, by id. Ids mostly grow: that of the latest,
  /// once it is gone, may be given again.
  std::vector<LabelSummary> labels_after(std::int64_t after, std::int64_t limit) const;
  /// The bytes of a photo kept in the gallery itself; nothing for an item whose photo is its
  /// source.
  std::optional<std::string> photo(std::int64_t item_id) const;
  /// Keeps bytes as the item's photo, in place of those there.
  void keep_photo(std::int64_t item_id, std::string_view bytes);

  /// Gives all photos of a label another, which may have photos already. Returns how many.
  std::int64_t rename_label(const std::string& from, const std::string& to);
  /// Gives items a label. Returns how many had another; those that are not there are left out.
  std::int64_t relabel(const std::vector<std::int64_t>& ids, const std::string& label);

  /// The answer kept for a key, and keeping one, in place of one there; answers older than `days`
  /// are forgotten then, but for the latest 10,000 and those that were kept `for_good`.
  std::optional<DoneRequest> done_request(const std::string& key) const;
  void keep_request(const std::string& key, const DoneRequest& request, int days = 7,
                    bool for_good = false);
  void forget_request(const std::string& key);
  /// At most `limit` answers whose keys begin so (a last character below 127), the latest first,
  /// by when one was first kept for the key.
  std::vector<DoneRequest> done_requests(const std::string& prefix, std::int64_t limit) const;

  /// At most `limit` unknown photos with ids below `before`, the latest first; keeping one, while
  /// those above `most`, and above so many bytes in all, go, the oldest first. The bytes are of
  /// photos, and of the answers to those of up to 64 KiB. The same photo is kept once.
  std::vector<UnknownPhoto> unknowns_before(std::int64_t before, std::int64_t limit) const;
  std::int64_t unknown_count() const;
  std::int64_t keep_unknown(std::string_view bytes, const std::string& answer, std::int64_t most,
                            std::int64_t most_bytes = INT64_MAX);
  std::optional<std::string> unknown_bytes(std::int64_t id) const;
  bool remove_unknown(std::int64_t id);

  /// The file that an item was made from: seen from the gallery, or, when there is none, from where
  /// the gallery was made.
  std::filesystem::path source_of(const GalleryItem& item) const;
  /// The bytes of an item's photo: kept in the gallery, or read from its source. Throws as
  /// read_source does.
  std::string photo_bytes(const GalleryItem& item, std::uint64_t max_bytes) const;

  // A second model's embeddings, made beside the first's and seen by nobody before they are
  // complete (gallery_upgrade.cpp).

  /// Begins an upgrade to `next`, or goes on with one; one that was begun to another model is
  /// dropped. Throws kBadInput when `next` is the gallery's own.
  void begin_upgrade(const GalleryModel& next);
  void drop_upgrade();
  /// At most `limit` items with ids above `after`, by id, that lack the next model's embedding.
  std::vector<GalleryItem> items_to_upgrade(std::int64_t after, std::int64_t limit) const;
  std::int64_t count_to_upgrade() const;
  /// The next model's vectors [items, dim] of items; those that are gone meanwhile are left out.
  /// Throws kBadInput unless `fingerprint` is the next model's.
  void add_upgraded(const std::string& fingerprint, std::span<const GalleryItem> items,
                    std::span<const float> vectors);
  /// Makes the next model the gallery's, with these notes and no arrays, and removes the items
  /// `without`; one transaction. False, and nothing is changed, while other items lack its
  /// embedding. Throws kBadInput unless `fingerprint` is the next model's.
  bool finish_upgrade(const std::string& fingerprint,
                      const std::map<std::string, std::string>& notes,
                      const std::vector<std::int64_t>& without);

  /// Changes whenever another connection has changed the file.
  std::int64_t data_version() const;

  /// Checks everything: SQLite's own structures, references, each vector's checksum, length and
  /// values, JSON. What is wrong, a line each; empty for a sound gallery.
  std::vector<std::string> verify() const;

 private:
  std::int64_t id_of(const std::string& path) const;  // 0: it is not there
  void read_model();                                  // another process may have upgraded it
  // Those of these that have no photos any more.
  void drop_lonely_labels(const std::set<std::int64_t>& label_ids);
  template <class Keys>
  std::int64_t remove_where(const std::string& condition, const Keys& keys);

  std::unique_ptr<Database> database_;
  std::int64_t model_id_ = 0;
  GalleryModel model_;
  GalleryChanges* changes_ = nullptr;  // of the transaction that transact() is in
};

}  // namespace shoplens
