// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "onnx/model_info.h"
#include "recognize/tune.h"

namespace shoplens {

/// A gallery's own photos as held-out ones, for networks that were each trained on all folds of a
/// list but one: the photos of a fold, asked about by the networks that never saw them, are looked
/// up among those of the other folds. So nothing has to be set aside to learn how networks answer
/// together. No photo is embedded again. Source: Wolpert 1992, "Stacked generalization", Neural
/// Networks 5(2), section 2.
class OutOfFold {
 public:
  /// Photos asked about, of all folds together; of more every so manyth is.
  static constexpr std::size_t kMostAsked = 10'000;

  /// models: of the gallery's pipeline, in its order, with their dims in the gallery's vectors.
  /// list: what they were trained on; photos of it that the gallery lacks, and others in the
  /// gallery, are left out. Throws kBadInput when a model was not trained on folds, or on another
  /// list, and unless every fold has as many models, of the same architectures in the same order.
  OutOfFold(const GalleryContent& gallery, const std::vector<ModelInfo>& models,
            const Manifest& list);

  /// A part a fold, and the models that share a weight: the first of each fold, the second, and so
  /// on. They refer to this object.
  std::vector<TunePart> parts() const;
  const std::vector<std::vector<std::size_t>>& alike() const { return alike_; }

 private:
  using Names = std::vector<std::string>;
  struct Fold {
    std::vector<std::size_t> models;  // that did not see it
    GalleryContent others;
    Manifest list;
    PhotoEmbeddings asked;
  };
  void check_alike(const std::vector<ModelInfo>& models) const;
  void fill(Fold& fold, const Names& held_out, const GalleryContent& gallery,
            const Manifest& list) const;

  std::vector<Fold> folds_;
  std::vector<std::vector<std::size_t>> alike_;
  std::vector<Block> blocks_;
};

}  // namespace shoplens
