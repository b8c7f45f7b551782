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
  double accuracy, recall_at_5, map;
};

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
};

/// What a setting is chosen by: the mean of accuracy, R@5 and mAP, as few held-out photos make
/// accuracy alone a coarse measure.
double tune_score(const Evaluation& evaluation);

/// Chooses the networks' weights, whitening, database augmentation, query expansion, re-ranking and
/// vote of `spec`, one after the other, by what the held-out photos find in the gallery; a change
/// is kept when it raises tune_score by more than `least_gain`. whiten: components to whiten to; 0:
/// as many as do best, or none. The spec's own settings of these are not read, but for its vote by
/// classes, which is tried when the data has them. Its recall stays as it is.
TuneResult tune(PipelineSpec spec, const TuneData& data, int whiten, double least_gain = 0.001);

}  // namespace shoplens
