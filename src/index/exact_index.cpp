// SPDX-License-Identifier: Apache-2.0
#include "index/exact_index.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <numeric>
#include <unordered_set>

#include "core/error.h"
#include "core/threads.h"
#include "index/inner_product.h"
#include "index/survivors.h"

namespace shoplens {
namespace {

constexpr std::int64_t kQueryBlock = 258;  // queries a scan: 43 tiles, their codes stay in L2
constexpr std::int64_t kThreadWork =
    16'000'000;  // multiplications worth a thread's start: about 0.1 ms

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

// One thread's share of a scan: panels handed out by `next`, each against all the queries.
struct Scan {
  const Int8Vectors& codes;
  const Int8Kernel& kernel;
  const Int8Queries& queries;
  std::atomic<std::int64_t>& next;

  // score_of(q) gives query q's exact scores of rows.
  template <class ScoreOf>
  void run(std::vector<Survivors>& survivors, const ScoreOf& score_of) const {
    for (std::int64_t p; (p = next++) < codes.panels();)
      for (std::size_t first = 0; first < survivors.size(); first += kInt8Tile)
        scan_tile(p, first, std::min<std::size_t>(kInt8Tile, survivors.size() - first), survivors,
                  score_of);
  }

  template <class ScoreOf>
  void scan_tile(std::int64_t p, std::size_t first, std::size_t count,
                 std::vector<Survivors>& survivors, const ScoreOf& score_of) const {
    const Int8Panel panel = codes.panel(p);
    Int8Query tile[kInt8Tile];
    for (std::size_t q = 0; q < count; ++q) {
      tile[q] = queries[first + q];
      tile[q].threshold = survivors[first + q].threshold();
    }
    alignas(64) float upper[kInt8Tile * kInt8Panel];
    bool any[kInt8Tile];
    kernel.upper_bounds(panel, tile, static_cast<int>(count), codes.groups(), upper, any);
    for (std::size_t q = 0; q < count; ++q) {
      if (!any[q]) continue;  // nearly always, once some panels have been seen
      for (int i = 0; i < codes.panel_size(p); ++i) {
        const float most = upper[q * kInt8Panel + static_cast<std::size_t>(i)];
        if (most < survivors[first + q].threshold()) continue;
        survivors[first + q].offer(p * kInt8Panel + i, most,
                                   most - 2 * int8_radius(panel, tile[q], i), score_of(first + q));
      }
    }
  }
};

}  // namespace

ExactIndex::ExactIndex(int dim, int threads)
    : ExactIndex(dim, threads, *supported_int8_kernels().back()) {}

ExactIndex::ExactIndex(int dim, int threads, const Int8Kernel& kernel)
    : dim_(dim),
      threads_(threads > 0 ? threads : available_cores()),
      kernel_(&kernel),
      codes_(dim) {}

void ExactIndex::add(std::span<const std::int64_t> ids, std::span<const float> vectors) {
  check_vectors("index add", vectors, static_cast<std::int64_t>(ids.size()), dim_);
  std::unordered_set<std::int64_t> seen;
  for (const std::int64_t id : ids)
    check(!row_of_.contains(id) && seen.insert(id).second,
          "index add: want new, distinct ids, got ", id, " again");
  const std::int64_t first = size();
  codes_.append(vectors);
  vectors_.insert(vectors_.end(), vectors.begin(), vectors.end());
  for (std::size_t i = 0; i < ids.size(); ++i)
    row_of_.emplace(ids[i], first + static_cast<std::int64_t>(i));
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

void ExactIndex::add_rows(std::span<const float> vectors) {
  std::vector<std::int64_t> rows(vectors.size() / static_cast<std::size_t>(dim_));
  std::iota(rows.begin(), rows.end(), size());
  add(rows, vectors);
}

std::int64_t ExactIndex::remove(std::span<const std::int64_t> ids) {
  std::int64_t removed = 0;
  for (const std::int64_t id : ids) {
    const auto found = row_of_.find(id);
    if (found == row_of_.end()) continue;
    const std::int64_t row = found->second;
    row_of_[ids_.back()] = row;  // the last takes its place, as in codes_
    row_of_.erase(id);
    ids_[static_cast<std::size_t>(row)] = ids_.back();
    ids_.pop_back();
    std::copy_n(vectors_.end() - dim_, dim_, vectors_.begin() + row * dim_);
    vectors_.resize(vectors_.size() - static_cast<std::size_t>(dim_));
    codes_.remove(row);
    ++removed;
  }
  return removed;
}

std::vector<std::vector<Hit>> ExactIndex::search(std::span<const float> queries, int k) const {
  check(k >= 1, "index search: want k of at least 1, got ", k);
  const auto width = static_cast<std::size_t>(dim_);
  const std::size_t count = queries.size() / width;
  check_vectors("index search", queries, static_cast<std::int64_t>(count), dim_);
  std::vector<std::vector<Hit>> results(count);
  if (size() == 0) return results;
  for (std::size_t first = 0; first < count; first += kQueryBlock) {
    const std::size_t block = std::min<std::size_t>(kQueryBlock, count - first);
    search_block(queries.subspan(first * width, block * width), k,
                 std::span(results).subspan(first, block));
  }
  return results;
}

void ExactIndex::search_block(std::span<const float> queries, int k,
                              std::span<std::vector<Hit>> results) const {
  const auto kept = static_cast<std::size_t>(std::min<std::int64_t>(k, size()));
  const Int8Queries encoded(queries, dim_);
  const auto score_of = [&](std::size_t q) {
    return [this, query = queries.data() + q * static_cast<std::size_t>(dim_)](std::int64_t row) {
      return Scored{ids_[static_cast<std::size_t>(row)],
                    inner_product(query, vectors_.data() + row * dim_, dim_)};
    };
  };
  std::vector<Survivors> empty;
  for (std::size_t q = 0; q < results.size(); ++q) empty.emplace_back(kept, encoded[q].factor);
  const std::int64_t work = size() * dim_ * static_cast<std::int64_t>(results.size());
  const auto threads = static_cast<int>(std::clamp<std::int64_t>(work / kThreadWork, 1, threads_));
  std::vector<std::vector<Survivors>> survivors(static_cast<std::size_t>(threads), empty);
  std::atomic<std::int64_t> next{0};
  const Scan scan{codes_, *kernel_, encoded, next};
  parallel_for(threads, threads, [&](std::int64_t thread) {
    scan.run(survivors[static_cast<std::size_t>(thread)], score_of);
  });
  parallel_for(static_cast<std::int64_t>(results.size()), threads, [&](std::int64_t place) {
    const auto q = static_cast<std::size_t>(place);
    for (std::size_t thread = 1; thread < survivors.size(); ++thread)
      survivors[0][q].merge(survivors[thread][q], score_of(q));
    for (const Scored& best : survivors[0][q].take(score_of(q)))
      results[q].push_back({best.id, static_cast<float>(best.score)});
  });
}

}  // namespace shoplens
