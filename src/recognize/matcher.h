// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "gallery/gallery.h"
#include "ranking/projection.h"
#include "ranking/ranking.h"
#include "recognize/pipeline_spec.h"

namespace shoplens {

/// A gallery's vectors ready to be compared with queries, as its pipeline says: weights, whitening,
/// augmentation, expansion, re-ranking. Thread-safe.
class Matcher {
 public:
  /// vectors [n, sum of the blocks' dims], as the gallery holds them. `whitening` is read when
  /// spec.whiten is not 0; throws kCorrupt when it is not there or has another size.
  Matcher(VectorSource vectors, std::vector<Block> blocks, const PipelineSpec& spec,
          const std::optional<GalleryArray>& whitening,
          const std::filesystem::path& index_file = {});  // as Ranking's
  /// Vectors [n, dim] compared as they are.
  Matcher(std::vector<float> vectors, int dim);

  int dim() const { return ranking_.dim(); }  // of what is compared
  std::vector<float> vectors() const { return ranking_.vectors(); }
  bool reranks() const { return ranking_.reranks(); }

  /// Vectors as the pipeline makes them -> as they are compared, [n, dim()].
  std::vector<float> prepare(std::span<const float> queries) const;
  /// Prepared queries -> for each the k nearest, best first; ids are rows, or as add() had them.
  std::vector<std::vector<Hit>> search(std::span<const float> prepared, int k,
                                       const IdFilter& allowed = {}) const {
    return ranking_.search(prepared, k, allowed);
  }
  SearchReport search_report() const { return ranking_.report(); }
  double search_recall(std::span<const float> prepared, int k) const {
    return ranking_.recall(prepared, k);
  }

  /// As Ranking's; vectors [n, sum of the blocks' dims] as the gallery holds them.
  bool changeable() const { return ranking_.changeable(); }
  void add(std::span<const std::int64_t> ids, std::span<const float> vectors);
  void remove(std::span<const std::int64_t> ids) { ranking_.remove(ids); }

 private:
  std::shared_ptr<const Projection> project_;  // shared by copies
  Ranking ranking_;
};

/// The array that a gallery keeps a map as, and back.
GalleryArray to_array(const AffineMap& map);

}  // namespace shoplens
