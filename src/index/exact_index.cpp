// SPDX-License-Identifier: Apache-2.0
#include "index/exact_index.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <numeric>

#include "core/error.h"
#include "core/threads.h"
#include "index/inner_product.h"

namespace shoplens {
namespace {

constexpr std::int64_t kQueryBlock = 258;  // queries a scan: 43 tiles, their codes stay in L2

}  // namespace

Scored ExactIndex::scored(const float* query, std::int64_t row) const {
  return {rows_.id(row), inner_product(query, rows_.vector(row), dim_)};
}

// One thread's share of a scan: panels handed out by `next`, each against all the queries.
void ExactIndex::scan(std::atomic<std::int64_t>& next, const IdFilter& allowed,
                      std::span<const Look> looks) const {
  const std::int64_t panels = (size() + kInt8Panel - 1) / kInt8Panel;
  for (std::int64_t p; (p = next++) < panels;) {
    const std::int64_t row = p * kInt8Panel;
    const auto row_of = [&](int i) {
      return !allowed || allowed(rows_.id(row + i)) ? row + i : kNoRow;
    };
    for (std::size_t first = 0; first < looks.size(); first += kInt8Tile)
      scan_panel(*kernel_, codes_of(row), row % kChunk / kInt8Panel,
                 looks.subspan(first, std::min<std::size_t>(kInt8Tile, looks.size() - first)),
                 row_of, [this](const float* query, std::int64_t r) { return scored(query, r); });
  }
}

ExactIndex::ExactIndex(int dim, int threads)
    : ExactIndex(dim, threads, *supported_int8_kernels().back()) {}

ExactIndex::ExactIndex(int dim, int threads, const Int8Kernel& kernel, std::int64_t thread_work)
    : dim_(dim),
      threads_(threads > 0 ? threads : available_cores()),
      kernel_(&kernel),
      thread_work_(thread_work),
      rows_(dim, {}, {}) {
  Int8Vectors{dim};  // checks it
}

ExactIndex::ExactIndex(int dim, const SharedVectors& vectors, int threads)
    : ExactIndex(dim, threads) {
  const auto width = static_cast<std::size_t>(dim);
  check_vectors("index add", vectors.values,
                static_cast<std::int64_t>(vectors.values.size() / width), dim);
  rows_ = VectorRows(dim, vectors);
  codes_.resize(static_cast<std::size_t>((size() + kChunk - 1) / kChunk),
                CopyOnWrite(Int8Vectors(dim)));
  parallel_for(static_cast<std::int64_t>(codes_.size()), threads_, [&](std::int64_t chunk) {
    const std::size_t first = static_cast<std::size_t>(chunk * kChunk) * width;
    const auto some = vectors.values.subspan(
        first, std::min(static_cast<std::size_t>(kChunk) * width, vectors.values.size() - first));
    codes_[static_cast<std::size_t>(chunk)].own().append(some);
  });
}

void ExactIndex::add(std::span<const std::int64_t> ids, std::span<const float> vectors) {
  check_vectors("index add", vectors, static_cast<std::int64_t>(ids.size()), dim_);
  rows_.check_new(ids);
  const auto width = static_cast<std::size_t>(dim_);
  while (!ids.empty()) {
    const std::int64_t room = kChunk - size() % kChunk;
    if (room == kChunk) codes_.emplace_back(Int8Vectors(dim_));
    const std::size_t count = std::min(ids.size(), static_cast<std::size_t>(room));
    codes_.back().own().append(vectors.first(count * width));
    for (std::size_t i = 0; i < count; ++i) rows_.push_back(ids[i], vectors.data() + i * width);
    ids = ids.subspan(count);
    vectors = vectors.subspan(count * width);
  }
}

void ExactIndex::add_rows(std::span<const float> vectors) {
  std::vector<std::int64_t> rows(vectors.size() / static_cast<std::size_t>(dim_));
  std::iota(rows.begin(), rows.end(), size());
  add(rows, vectors);
}

std::int64_t ExactIndex::remove(std::span<const std::int64_t> ids) {
  const std::int64_t before = size();
  for (const std::int64_t id : ids)
    if (const std::int64_t* const row = rows_.row_of(id)) remove_row(*row);
  return before - size();
}

// The last takes the place of a row, as VectorRows has it.
void ExactIndex::remove_row(std::int64_t row) {
  Int8Vectors& last = codes_.back().own();
  if (row != size() - 1)
    codes_[static_cast<std::size_t>(row / kChunk)].own().replace(row % kChunk, last,
                                                                 last.size() - 1);
  last.pop_back();
  if (last.size() == 0) codes_.pop_back();
  rows_.remove(row);
}

std::vector<std::vector<Hit>> ExactIndex::search(std::span<const float> queries, int k,
                                                 const IdFilter& allowed) const {
  check(k >= 1, "index search: want k of at least 1, got ", k);
  const auto width = static_cast<std::size_t>(dim_);
  const std::size_t count = queries.size() / width;
  check_vectors("index search", queries, static_cast<std::int64_t>(count), dim_);
  std::vector<std::vector<Hit>> results(count);
  if (size() == 0) return results;
  for (std::size_t first = 0; first < count; first += kQueryBlock) {
    const std::size_t block = std::min<std::size_t>(kQueryBlock, count - first);
    search_block(queries.subspan(first * width, block * width), k, allowed,
                 std::span(results).subspan(first, block));
  }
  return results;
}

void ExactIndex::search_block(std::span<const float> queries, int k, const IdFilter& allowed,
                              std::span<std::vector<Hit>> results) const {
  const auto kept = static_cast<std::size_t>(std::min<std::int64_t>(k, size()));
  const Int8Queries encoded(queries, dim_, *kernel_);
  std::vector<Survivors> empty;
  for (std::size_t q = 0; q < results.size(); ++q) empty.emplace_back(kept, encoded[q].factor);
  const std::int64_t work = size() * dim_ * static_cast<std::int64_t>(results.size());
  const auto threads = static_cast<int>(std::clamp<std::int64_t>(work / thread_work_, 1, threads_));
  std::vector<std::vector<Survivors>> survivors(static_cast<std::size_t>(threads), empty);
  std::atomic<std::int64_t> next{0};
  parallel_for(threads, threads, [&](std::int64_t thread) {
    std::vector<Look> looks;
    for (std::size_t q = 0; q < results.size(); ++q)
      looks.push_back({queries.data() + q * static_cast<std::size_t>(dim_), &encoded[q],
                       &survivors[static_cast<std::size_t>(thread)][q]});
    scan(next, allowed, looks);
  });
  parallel_for(static_cast<std::int64_t>(results.size()), threads, [&](std::int64_t place) {
    const auto q = static_cast<std::size_t>(place);
    const auto score_of = [&](std::int64_t row) {
      return scored(queries.data() + q * static_cast<std::size_t>(dim_), row);
    };
    for (std::size_t thread = 1; thread < survivors.size(); ++thread)
      survivors[0][q].merge(survivors[thread][q], score_of);
    for (const Scored& best : survivors[0][q].take(score_of))
      results[q].push_back({best.id, static_cast<float>(best.score)});
  });
}

}  // namespace shoplens
