// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "recognize/evaluate.h"

namespace shoplens {

/// Photos with labels, and what the networks make of them.
struct TunePhotos {
  const Manifest& list;
  const PhotoEmbeddings& embedded;  // of its rows
};

/// Held-out photos and the gallery that they are looked up in.
struct TuneData {
  const GalleryContent& gallery;
  const std::vector<Block>& blocks;         // the networks' dims; weights are the spec's
  const std::vector<std::string>& classes;  // that the embedded photos' class_probabilities are of
  TunePhotos held_out;
  // Further photos that each setting is tried on, to see; nothing is chosen by them.
  std::optional<TunePhotos> report{};
};

/// What photos found in the gallery, as fractions.
struct TuneFigures {
  double accuracy = 0, recall_at_5 = 0, map = 0;
};

/// What a setting is chosen by: the mean of the three, as few held-out photos make accuracy alone a
/// coarse measure.
double tune_score(const TuneFigures& figures);

/// One setting tried.
struct TuneTrial {
  std::string what;
  TuneFigures held_out;
  double score;
  bool kept;
  std::optional<TuneFigures> report{};
};

struct TuneResult {
  PipelineSpec spec;
  AffineMap whitening;            // when spec.whiten is not 0
  std::vector<TuneTrial> trials;  // the first is what there was

  /// The trial of `spec`: the last that was kept.
  const TuneTrial& chosen() const;
};

/// Chooses the networks' weights, whitening, database augmentation, query expansion, re-ranking and
/// vote of `spec`, one after the other, by what the held-out photos find in the gallery; a change
/// is kept when it raises tune_score by more than `least_gain`. whiten: components to whiten to; 0:
/// as many as do best, or none. The spec's own settings of these are not read, but for its vote by
/// classes, which is tried when the data has them. Its recall stays as it is.
TuneResult tune(PipelineSpec spec, const TuneData& data, int whiten, double least_gain = 0.001);

/// What photos that chose nothing find: means over all held-out photos, of which each is asked
/// about with what `tune` chose by the photos of the other folds.
struct TuneCrossValidation {
  TuneFigures before, after;  // before: as it is before tune changes anything
};

/// Cross-validates `tune` over `folds` parts of the held-out photos, in which labels are spread
/// evenly; photos of labels that the gallery lacks are left out. `data.report` is not read. Nothing
/// when there are fewer photos than folds.
std::optional<TuneCrossValidation> cross_validate_tune(const PipelineSpec& spec,
                                                       const TuneData& data, int whiten, int folds,
                                                       double least_gain = 0.001);

}  // namespace shoplens
