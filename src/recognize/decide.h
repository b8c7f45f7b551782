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

/// The probability of the class at `place` among `probabilities`; of a product that is no class
/// (place -1), as it came after training, what all have on average.
inline float probability_of(std::int64_t place, std::span<const float> probabilities) {
  return place < 0 ? 1.0f / static_cast<float>(probabilities.size())
                   : probabilities[static_cast<std::size_t>(place)];
}

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
///   p_i being the probability that the networks' class heads give its label; else as kWeighted
/// Sources: the distance-weighted k-NN of Wu et al. 2018, arXiv:1805.01978, section 3.4; the fusion
/// of the Lotte product contest's winner. `probabilities` [n] is for kClasses alone.
Decision decide(std::span<const std::int64_t> labels, std::span<const float> scores,
                const DecideOptions& options, std::span<const float> probabilities = {});

}  // namespace shoplens
