// SPDX-License-Identifier: Apache-2.0
// Learns a Calibration from held-out photos, and measures how well known products and strangers are
// told apart.
#pragma once
#include <string>
#include <vector>

#include "data/manifest.h"
#include "eval/open_set.h"
#include "recognize/embed_photos.h"
#include "recognize/recognizer.h"

namespace shoplens {

/// A held-out photo's answer and what is known of it.
struct Outcome {
  std::string answer;  // the decided label
  Evidence evidence;
  bool stranger = false;  // it shows none of the gallery's products
  bool right = false;
  double probability = 0;  // as a calibration has it
  bool unknown = false;
};

/// The outcomes of answers to photos with these labels: a label that the recogniser does not know
/// is a stranger's.
std::vector<Outcome> outcomes_of(const Recognizer& recognizer, const std::vector<Answer>& answers,
                                 const std::vector<std::string>& labels);

/// How a set of outcomes fares. Shares are 0 to 1; of nothing 0.
struct OpenSetReport {
  std::int64_t known = 0, strangers = 0;
  OpenSetCurve curve;            // of the probability: known photos against strangers
  double false_accepts = 0;      // share of strangers that get a name
  double false_rejects = 0;      // share of known photos that are called unknown
  double accepted_right = 0;     // share of the known photos with a name whose name is right
  double calibration_error = 0;  // of the probability, in the outcomes' own mixture
  // Without calibration: who has a cosine above 0.5.
  double fixed_false_accepts = 0, fixed_false_rejects = 0, cosine_auroc = 0;
};

/// Throws kBadInput when there are no known photos or no strangers.
OpenSetReport open_set_report(const std::vector<Outcome>& outcomes);

struct CalibrateOptions {
  double false_accept_rate = 0.05;  // of strangers
  double stranger_share = 0.5;  // of the photos that will be asked about: what a probability means
  int left_out = 10;  // parts of the labels that are left out of the gallery, one after the other
  int label_strangers = 20;  // how many a label must attract to get its own threshold
};

struct CalibrateResult {
  Calibration calibration;
  std::vector<Outcome> outcomes;  // each judged by a calibration that has not seen it
  OpenSetReport report;           // of them
};

/// What the photos tell: `held_out` those of the gallery's products (or of others, then strangers),
/// `strangers` photos of other things. With none of these, every held-out photo is asked again of
/// the gallery without its product, the products being left out in `left_out` parts. Probabilities
/// are by logistic regression on score, margin and agreement; thresholds are quantiles of the
/// strangers' probabilities, for a label that attracts many a mean (of the log odds) of its own
/// quantile and everyone's, weighed by how many it attracts. Throws kBadInput when there are too
/// few photos to learn from.
CalibrateResult calibrate(const GalleryContent& gallery,
                          const std::optional<GalleryArray>& whitening, const Pipeline& pipeline,
                          const Manifest& held_out, const PhotoEmbeddings& embedded,
                          const PhotoEmbeddings& strangers, const CalibrateOptions& options);

}  // namespace shoplens
