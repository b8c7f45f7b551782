// SPDX-License-Identifier: Apache-2.0
#include "index/exact_index.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <unordered_set>

#include "core/error.h"
#include "core/threads.h"
#include "index/top_k.h"

namespace shoplens {
namespace {

constexpr std::int64_t kQueryBlock =
    252;  // queries a scan: 42 tiles, 0.5 MB at 512 components, stays in L2
constexpr std::int64_t kThreadWork =
    4'000'000;  // multiplications worth a thread's start: about 0.1 ms

// On bits, because that loop becomes vector instructions; NaN and infinity have larger bits than
// any number.
bool all_usable(std::span<const float> values) {
  constexpr auto kLimit = std::bit_cast<std::uint32_t>(ExactIndex::kMaxComponent);
  std::uint32_t bad = 0;
  for (const float x : values) bad |= (std::bit_cast<std::uint32_t>(x) & 0x7fffffffu) > kLimit;
  return bad == 0;
}

void check_vectors(const char* where, std::span<const float> values, std::int64_t count, int dim) {
  check(values.size() == static_cast<std::size_t>(count * dim), where, ": want ", count,
        " vectors of ", dim, " floats, got ", values.size(), " floats");
  check(all_usable(values), where,
        ": want components from -1e15 to 1e15, got one larger, infinite or NaN");
}

bool any_at_least(const float* scores, float threshold) {
  int any = 0;
  for (std::int64_t i = 0; i < PackedVectors::kPanel; ++i) any |= scores[i] >= threshold;
  return any != 0;
}

// One thread's share of a scan: panels handed out by `next`, each against all the queries.
struct Scan {
  const PackedVectors& vectors;
  std::span<const std::int64_t> ids;
  std::span<const float> queries;
  std::atomic<std::int64_t>& next;

  void run(std::vector<TopK>& best) const {
    for (std::int64_t panel; (panel = next++) < vectors.panels();)
      for (std::size_t first = 0; first < best.size(); first += PackedVectors::kTile)
        score_tile(panel,
                   std::span(best).subspan(
                       first, std::min<std::size_t>(PackedVectors::kTile, best.size() - first)),
                   queries.data() + first * static_cast<std::size_t>(vectors.dim()));
  }

  void score_tile(std::int64_t panel, std::span<TopK> best, const float* tile) const {
    alignas(64) float scores[PackedVectors::kTile * PackedVectors::kPanel];
    vectors.score_panel(panel, tile, static_cast<std::int64_t>(best.size()), scores);
    for (std::size_t q = 0; q < best.size(); ++q)
      offer(panel, scores + q * PackedVectors::kPanel, best[q]);
  }

  void offer(std::int64_t panel, const float* scores, TopK& best) const {
    if (!any_at_least(scores, best.threshold())) return;  // nearly always, once the heap is warm
    const std::int64_t* id = ids.data() + panel * PackedVectors::kPanel;
    for (std::int64_t i = 0; i < vectors.panel_size(panel); ++i)
      if (scores[i] >= best.threshold()) best.offer({id[i], scores[i]});
  }
};

}  // namespace

ExactIndex::ExactIndex(int dim, int threads)
    : threads_(threads > 0 ? threads : available_cores()), vectors_(dim) {
  check(dim > 0, "index: want dim above 0, got ", dim);
}

void ExactIndex::add(std::span<const std::int64_t> ids, std::span<const float> vectors) {
  check_vectors("index add", vectors, static_cast<std::int64_t>(ids.size()), dim());
  std::unordered_set<std::int64_t> seen;
  for (const std::int64_t id : ids)
    check(!row_of_.contains(id) && seen.insert(id).second,
          "index add: want new, distinct ids, got ", id, " again");
  const std::int64_t first = size();
  vectors_.append(vectors);
  for (std::size_t i = 0; i < ids.size(); ++i)
    row_of_.emplace(ids[i], first + static_cast<std::int64_t>(i));
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

std::int64_t ExactIndex::remove(std::span<const std::int64_t> ids) {
  std::int64_t removed = 0;
  for (const std::int64_t id : ids) {
    const auto found = row_of_.find(id);
    if (found == row_of_.end()) continue;
    const std::int64_t row = found->second;
    row_of_[ids_.back()] = row;  // the last takes its place, as in vectors_
    row_of_.erase(id);
    ids_[static_cast<std::size_t>(row)] = ids_.back();
    ids_.pop_back();
    vectors_.remove(row);
    ++removed;
  }
  return removed;
}

std::vector<std::vector<Hit>> ExactIndex::search(std::span<const float> queries, int k) const {
  check(k >= 1, "index search: want k of at least 1, got ", k);
  const auto width = static_cast<std::size_t>(dim());
  const std::size_t count = queries.size() / width;
  check_vectors("index search", queries, static_cast<std::int64_t>(count), dim());
  std::vector<std::vector<Hit>> results(count);
  const auto kept = static_cast<std::size_t>(std::min<std::int64_t>(k, size()));
  if (kept == 0) return results;
  for (std::size_t first = 0; first < count; first += kQueryBlock) {
    const std::size_t block = std::min<std::size_t>(kQueryBlock, count - first);
    const std::int64_t work = size() * dim() * static_cast<std::int64_t>(block);
    const auto threads =
        static_cast<int>(std::clamp<std::int64_t>(work / kThreadWork, 1, threads_));
    std::atomic<std::int64_t> next{0};
    const Scan scan{vectors_, ids_, queries.subspan(first * width, block * width), next};
    std::vector<std::vector<TopK>> best(static_cast<std::size_t>(threads),
                                        std::vector<TopK>(block, TopK(kept)));
    parallel_for(threads, threads,
                 [&](std::int64_t thread) { scan.run(best[static_cast<std::size_t>(thread)]); });
    for (std::size_t q = 0; q < block; ++q) {
      for (std::size_t thread = 1; thread < best.size(); ++thread)
        best[0][q].merge(best[thread][q]);
      results[first + q] = best[0][q].take();
    }
  }
  return results;
}

}  // namespace shoplens
