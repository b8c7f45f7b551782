// SPDX-License-Identifier: Apache-2.0
#include "index/survivors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"
#include "index/top_k.h"

namespace shoplens {
namespace {

// However rows are spread over threads, and however little their bounds say: with a radius of 1
// nothing, and each of three has to settle some before they are merged.
TEST(Survivors, MergedAreTheBestOfAll) {
  constexpr std::int64_t kRows = 30000;
  constexpr double kFactor = 0.5;
  const auto score_of = [](std::int64_t id) {  // 30 rows of each score
    return Scored{id, static_cast<double>(id * 7919 % 1000) / 1000};
  };
  std::vector<Scored> all;
  for (std::int64_t id = 0; id < kRows; ++id) all.push_back(score_of(id));
  std::sort(all.begin(), all.end(), ranks_before);
  for (const float radius : {1.0f, 0.1f, 0.001f})
    for (const std::size_t k : {1u, 20u, 2000u})
      for (const std::int64_t parts : {1, 3}) {
        std::vector<Survivors> spread(static_cast<std::size_t>(parts), Survivors(k, kFactor));
        for (std::int64_t id = 0; id < kRows; ++id) {
          Survivors& part = spread[static_cast<std::size_t>(id % parts)];
          const auto middle = static_cast<float>(kFactor * score_of(id).score);
          if (middle + radius >= part.threshold())
            part.offer(id, middle + radius, middle - radius, score_of);
        }
        for (std::size_t i = 1; i < spread.size(); ++i) spread[0].merge(spread[i], score_of);
        EXPECT_EQ(spread[0].take(score_of),
                  std::vector<Scored>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k)))
            << "radius " << radius << ", k " << k << ", " << parts << " parts";
      }
}

TEST(TopK, DoesNotDependOnTheOrderOfOffers) {
  std::vector<Scored> hits;
  for (std::int64_t id = 0; id < 60; ++id) hits.push_back({id, static_cast<double>(id % 4)});
  std::vector<Scored> sorted = hits;
  std::sort(sorted.begin(), sorted.end(), ranks_before);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random{seed}.shuffle(hits.begin(), hits.end());
    TopK best(17), other(17);
    for (std::size_t i = 0; i < hits.size(); ++i) (i % 2 ? best : other).offer(hits[i]);
    best.merge(other);
    EXPECT_EQ(best.take(), std::vector<Scored>(sorted.begin(), sorted.begin() + 17));
  }
}

}  // namespace
}  // namespace shoplens
