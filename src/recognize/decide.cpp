// SPDX-License-Identifier: Apache-2.0
#include "recognize/decide.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace shoplens {
namespace {

// The winner's: how many classes are kept, what the sum over ten networks is divided by, and what
// all others count.
constexpr std::size_t kKeptClasses = 5;
constexpr float kDivisor = 9, kOtherClass = 1e-8f;

}  // namespace

void keep_likeliest(std::span<float> class_scores) {
  const std::vector<float> scores(class_scores.begin(), class_scores.end());
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t kept = std::min(kKeptClasses, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
                    });
  std::fill(class_scores.begin(), class_scores.end(), kOtherClass);
  for (std::size_t i = 0; i < kept; ++i)
    class_scores[order[i]] = std::max(scores[order[i]] / kDivisor, kOtherClass);
}

float probability_of(std::int64_t place, std::span<const float> probabilities) {
  if (place >= 0) return probabilities[static_cast<std::size_t>(place)];
  double sum = 0;
  int kept = 0;
  for (const float p : probabilities)
    if (p > kOtherClass) sum += p, ++kept;
  return kept > 0 ? static_cast<float>(sum / kept) : kOtherClass;
}

Vote vote_from_string(const std::string& word) {
  for (const Vote vote : {Vote::kTop1, Vote::kWeighted, Vote::kClasses})
    if (word == to_string(vote)) return vote;
  throw Error(ErrorCode::kBadInput,
              join("vote: want top1, weighted or classes, got \"", word, "\""));
}

const char* to_string(Vote vote) {
  switch (vote) {
    case Vote::kTop1:
      return "top1";
    case Vote::kWeighted:
      return "weighted";
    case Vote::kClasses:
      return "classes";
  }
  return "";
}

Decision decide(std::span<const std::int64_t> labels, std::span<const float> scores,
                const DecideOptions& options, std::span<const float> probabilities) {
  check(labels.size() == scores.size(), "decide: want a score a label, got ", scores.size(),
        " for ", labels.size());
  check(options.k >= 1 && options.temperature > 0, "decide: want k >= 1 and temperature > 0, got ",
        options.k, " and ", options.temperature);
  check(options.vote != Vote::kClasses || probabilities.size() == labels.size(),
        "decide: want a class probability a label, got ", probabilities.size());
  if (labels.empty()) return {};
  if (options.vote == Vote::kTop1) return {labels[0], scores[0]};

  struct Sum {
    std::int64_t label;
    double weight;
  };
  std::vector<Sum> sums;  // in the order of the labels' nearest neighbours, so max_element keeps
                          // the nearer of equals
  double total = 0;
  for (std::size_t i = 0; i < std::min(labels.size(), static_cast<std::size_t>(options.k)); ++i) {
    const double weight =
        options.vote == Vote::kWeighted
            ? std::exp((static_cast<double>(scores[i]) - scores[0]) / options.temperature)
            : std::pow(std::max(0.0, static_cast<double>(scores[i])), options.cosine_power) *
                  std::pow(static_cast<double>(probabilities[i]), options.class_power);
    const auto same =
        std::find_if(sums.begin(), sums.end(), [&](const Sum& s) { return s.label == labels[i]; });
    if (same == sums.end())
      sums.push_back({labels[i], weight});
    else
      same->weight += weight;
    total += weight;
  }
  const auto best = std::max_element(
      sums.begin(), sums.end(), [](const Sum& a, const Sum& b) { return a.weight < b.weight; });
  if (!(total > 0)) return {labels[0], 0};  // nobody's vote weighs anything
  return {best->label, best->weight / total};
}

}  // namespace shoplens
