// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "onnx/model_info.h"
#include "recognize/tune.h"

namespace shoplens {

/// A network of a gallery's pipeline, and the file that errors name.
struct FoldNetwork {
  std::string path;
  ModelInfo info;
};

/// A gallery's own photos as held-out ones, for networks that were each trained on all folds of a
/// list but one: the photos of a fold, asked about by the networks that never saw them, are looked
/// up among those of the other folds. So nothing has to be set aside to learn how networks answer
/// together. No photo is embedded again. Source: Wolpert 1992, "Stacked generalization", Neural
/// Networks 5(2), section 2.
class OutOfFold {
 public:
  static constexpr std::size_t kMostAsked = 10'000;

  /// networks: all of the pipeline, in its order. list: what they were trained on; photos of it
  /// that the gallery lacks, others in the gallery, and products that one fold has alone are left
  /// out. At most `most_asked` photos are asked about, spread evenly. Throws kBadInput when a
  /// network was not trained on folds, or on other folds than the first, or on another list; unless
  /// every fold that some did not see has networks of the same kinds in the same order; and when
  /// the gallery has other vectors, or no photos of a fold.
  OutOfFold(const GalleryContent& gallery, const std::vector<FoldNetwork>& networks,
            const Manifest& list, std::size_t most_asked = kMostAsked);

  /// A part a fold, and the models that share a weight: the first of each fold, the second, and so
  /// on. They refer to this object.
  std::vector<TunePart> parts() const;
  const std::vector<std::vector<std::size_t>>& alike() const { return alike_; }
  std::size_t photos() const;  // asked about

 private:
  struct Fold {
    int number;
    std::vector<std::size_t> models;  // that did not see it
    GalleryContent others;
    Manifest list;
    PhotoEmbeddings asked;
  };
  // fold_of [the gallery's items]; -1: not on the list.
  void fill(const GalleryContent& gallery, const std::vector<int>& fold_of, std::size_t most_asked);

  std::vector<Fold> folds_;
  std::vector<std::vector<std::size_t>> alike_;
  std::vector<Block> blocks_;
};

}  // namespace shoplens
