// SPDX-License-Identifier: Apache-2.0
// From neighbours to a label. Pure functions.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace shoplens {

enum class Vote { kTop1, kWeighted, kClasses };
Vote vote_from_string(
    const std::string& word);  // "top1", "weighted", "classes"; throws kBadInput for any other word
const char* to_string(Vote vote);

struct DecideOptions {
  Vote vote = Vote::kTop1;
  int k = 5;                  // kWeighted, kClasses: how many neighbours vote
  double temperature = 0.05;  // kWeighted: the cosine that makes a vote e times lighter
  double cosine_power = 9, class_power = 10;  // kClasses

  int neighbours() const { return vote == Vote::kTop1 ? 1 : k; }  // that a decision looks at
};

/// A photo's class scores [classes], summed over the networks -> what they count in a vote by
/// classes: the five greatest a ninth of themselves, all others 1e-8. So the winner of the Lotte
/// product contest has it, of ten networks' cosines (DShomin/Lotte-product-classification at
/// 42e5ca5, notebook/infer.ipynb, cells 21 and 26). Ours alone is that none counts less than 1e-8:
/// the vote's even power would make a cosine of -1 as good as 1. Of 1000 classes five are above 0.
void keep_likeliest(std::span<float> class_scores);

/// Of `probabilities`, as keep_likeliest leaves them, that of the class at `place`; of a product
/// that is no class (place -1), as it came after training, what those that were kept have on
/// average.
float probability_of(std::int64_t place, std::span<const float> probabilities);

struct Decision {
  std::int64_t label = -1;  // -1: there is no neighbour
  double score = 0;
};

/// The label of a query from its neighbours, best first: labels [n], scores [n] (cosines).
///   kTop1      the first one's label; score = its cosine
///   kWeighted  neighbour i of the first k votes with weight exp((s_i - s_1) / temperature); the
///   label with the
///              greatest sum wins, of equal ones the one with the nearest neighbour; score = its
///              share of all weight
///   kClasses   neighbour i of the first k votes with weight s_i^cosine_power * p_i^class_power,
///   p_i being what the networks' class heads give its label (probability_of); else as kWeighted
/// Sources: the distance-weighted k-NN of Wu et al. 2018, arXiv:1805.01978, section 3.4; the fusion
/// of the Lotte product contest's winner. `probabilities` [n] is for kClasses alone.
Decision decide(std::span<const std::int64_t> labels, std::span<const float> scores,
                const DecideOptions& options, std::span<const float> probabilities = {});

}  // namespace shoplens
