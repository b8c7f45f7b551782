// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "recognize/evaluate.h"

namespace shoplens {

/// Labelled photos, the gallery that they are looked up in, and the networks that do it.
struct TunePart {
  const GalleryContent& gallery;    // vectors [items, the blocks' dims]
  std::vector<Block> blocks;        // of these networks; weights are the spec's
  std::vector<std::size_t> models;  // their places in the spec, ascending
  const Manifest& list;
  const PhotoEmbeddings& embedded;  // of its rows
};

/// What settings are tried on. Figures are means over all photos of all parts.
struct TuneData {
  const std::optional<GalleryArray>& whitening;  // the gallery's own, if its spec has one
  const std::vector<std::string>& classes;  // that the embedded photos' class_probabilities are of
  std::vector<std::vector<std::size_t>> alike;  // the spec's models: those of a list share a weight
  std::vector<TunePart> held_out;
  // Further photos that each setting is tried on, to see; nothing is chosen by them.
  std::vector<TunePart> report{};
};

/// One part of all the networks, each of a weight of its own.
TuneData tune_data(const GalleryContent& gallery, const std::optional<GalleryArray>& whitening,
                   const std::vector<Block>& blocks, const std::vector<std::string>& classes,
                   const Manifest& list, const PhotoEmbeddings& embedded);

/// What photos found in the gallery, as fractions.
struct TuneFigures {
  double accuracy = 0, recall_at_5 = 0, map = 0;
};

/// What a setting is chosen by: the mean of the three, as few held-out photos make accuracy alone a
/// coarse measure.
double tune_score(const TuneFigures& figures);

/// Whether that is worth changing a gallery for: a score greater by more than `least_gain`, at an
/// accuracy that is no lower.
bool is_gain(const TuneFigures& before, const TuneFigures& after, double least_gain = 0.001);

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
  std::optional<GalleryArray> whitening;  // when spec.whiten is not 0
  // The first is of the pipeline as it is; the others begin without what they are about.
  std::vector<TuneTrial> trials;
  std::size_t chosen = 0;                    // the trial of `spec`
  std::size_t unwhitened = 0, whitened = 0;  // those before and after whitening was tried
};

/// Chooses the networks' weights, whitening, database augmentation, query expansion, re-ranking and
/// vote, one after the other, by what the held-out photos find in the gallery: from the weights of
/// `spec` alone; a change is kept when it raises tune_score by more than `least_gain`. What comes
/// out is `spec` itself unless another is better by that much. whiten: components to whiten to,
/// whatever that costs; 0: as many as do best, or none (of more than 1024 components and photos,
/// or of several parts, which have no space in common, it is not tried). A vote by classes is tried
/// when the data has them. The spec's recall stays as it is.
TuneResult tune(const PipelineSpec& spec, const TuneData& data, int whiten,
                double least_gain = 0.001);

/// What photos that chose nothing find: means over all held-out photos, of which each is asked
/// about with what `tune` chose by the photos of the other folds.
struct TuneCrossValidation {
  TuneFigures before, after;         // of the pipeline as it is, and of what is chosen
  TuneFigures unwhitened, whitened;  // of what is best before, and after, whitening is tried
};

/// Cross-validates `tune` over the parts of the held-out photos; one part alone is cut in `folds`,
/// in which labels are spread evenly; photos of labels that the gallery lacks are left out.
/// `data.report` is not read. Nothing when there are fewer photos than folds.
std::optional<TuneCrossValidation> cross_validate_tune(const PipelineSpec& spec,
                                                       const TuneData& data, int whiten, int folds,
                                                       double least_gain = 0.001);

}  // namespace shoplens
