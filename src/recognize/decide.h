// SPDX-License-Identifier: Apache-2.0
// From neighbours to a label. Pure functions.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace shoplens {

enum class Vote { kTop1, kWeighted };
Vote vote_from_string(
    const std::string& word);  // "top1", "weighted"; throws kBadInput for any other word

struct DecideOptions {
  Vote vote = Vote::kTop1;
  int k = 5;                  // kWeighted: how many neighbours vote
  double temperature = 0.05;  // kWeighted: the cosine that makes a vote e times lighter
};

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
/// Source: the distance-weighted k-NN of Wu et al. 2018, arXiv:1805.01978, section 3.4.
Decision decide(std::span<const std::int64_t> labels, std::span<const float> scores,
                const DecideOptions& options);

}  // namespace shoplens
