// SPDX-License-Identifier: Apache-2.0
#include "index/approximate_index.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/threads.h"
#include "index/inner_product.h"
#include "index/k_means.h"
#include "index/unseen_queries.h"

namespace shoplens {
namespace {

constexpr std::size_t kBlock = 2048;             // queries that wait for each other
constexpr std::int64_t kSampleQueries = 500;     // 5,000 neighbours
constexpr std::int64_t kFiltered = 32;           // allowed vectors to see, for each of k
constexpr std::int64_t kThreadWork = 4'000'000;  // multiplications worth a thread's start

// A search reads the centroids and the probed cells: with cells of sqrt(n) / 4 vectors about as
// much of the one as of the other. But cells must not hold more than a few products: where there
// are more groups of like products than cells, some groups lie scattered over many cells, and a
// high recall gets dear (docs/scaling.md).
std::int64_t cells_for(std::int64_t n) {
  constexpr std::int64_t kMostInCell = 256;
  const std::int64_t cells = std::llround(4 * std::sqrt(static_cast<double>(n)));
  return std::clamp<std::int64_t>(std::max(cells, n / kMostInCell), 1, n);
}

ExactIndex centroids_of(std::span<const float> vectors, int dim, const ApproximateOptions& options,
                        int threads) {
  const std::int64_t n = static_cast<std::int64_t>(vectors.size()) / dim;
  check_vectors("approximate index", vectors, n, dim);
  check(n > 0, "approximate index: want vectors, got none");
  check(options.recall >= 0 && options.recall <= 1 && options.k >= 1,
        "approximate index: want a recall from 0 to 1 and k of at least 1, got ", options.recall,
        " and ", options.k);
  ExactIndex index(dim, threads);
  index.add_rows(k_means(vectors, dim, options.cells > 0 ? options.cells : cells_for(n), threads));
  return index;
}

}  // namespace

ApproximateIndex::ApproximateIndex(ExactIndex centroids, VectorRows rows, int threads)
    : threads_(threads > 0 ? threads : available_cores()),
      kernel_(supported_int8_kernels().back()),
      centroids_(std::move(centroids)),
      rows_(std::move(rows)) {
  for (std::int64_t cell = 0; cell < cells(); ++cell)
    cells_.emplace_back(Cell{Int8Vectors(dim()), {}});
}

ApproximateIndex::ApproximateIndex(const SharedVectors& vectors, int dim,
                                   const ApproximateOptions& options, int threads)
    : ApproximateIndex(centroids_of(vectors.values, dim, options, threads),
                       VectorRows(dim, vectors), threads) {
  const std::vector<std::int32_t> cell_of = nearest_centroids(centroids_, vectors.values);
  fill(cell_of);
  choose_probes(options, vectors.values, cell_of);
}

// cell_of [size()]: puts every row into its cell. Every thread walks through all rows, in their
// order, as they may be in a file larger than memory, and fills its share of the cells.
void ApproximateIndex::fill(std::span<const std::int32_t> cell_of) {
  std::vector<std::int64_t> sizes(cells_.size());
  for (const std::int32_t c : cell_of) ++sizes[static_cast<std::size_t>(c)];
  parallel_for(threads_, threads_, [&](std::int64_t thread) {
    for (auto c = static_cast<std::size_t>(thread); c < cells_.size();
         c += static_cast<std::size_t>(threads_)) {
      cells_[c].own().codes.reserve(sizes[c]);
      cells_[c].own().rows.reserve(static_cast<std::size_t>(sizes[c]));
    }
    for (std::int64_t row = 0; row < size(); ++row) {
      const std::int32_t c = cell_of[static_cast<std::size_t>(row)];
      if (c % threads_ != thread) continue;
      Cell& cell = cells_[static_cast<std::size_t>(c)].own();
      cell.codes.append({rows_.vector(row), static_cast<std::size_t>(dim())});
      cell.rows.push_back(row);
    }
  });
}

// As a search is exact in the cells that it looks into, it finds a neighbour just when the
// neighbour's cell is among them: one exact search tells the recall of every number of probes.
void ApproximateIndex::choose_probes(const ApproximateOptions& options,
                                     std::span<const float> vectors,
                                     std::span<const std::int32_t> cell_of) {
  const auto queries = unseen_queries(vectors, dim(), kSampleQueries);
  const auto nearest = search_exactly(queries, options.k);
  std::vector<std::int64_t> found_at(cells_.size()), place(cells_.size());
  std::int64_t neighbours = 0;
  for (std::size_t q = 0; q < nearest.size(); ++q) {
    const auto width = static_cast<std::size_t>(dim());
    const auto query = std::span(queries).subspan(q * width, width);
    const auto order = centroids_.search(query, static_cast<int>(cells()));
    std::int64_t next = 0;
    for (const Hit& cell : order[0]) place[static_cast<std::size_t>(cell.id)] = next++;
    for (const Hit& hit : nearest[q]) {
      const auto cell = static_cast<std::size_t>(cell_of[static_cast<std::size_t>(hit.id)]);
      ++found_at[static_cast<std::size_t>(place[cell])];
      ++neighbours;
    }
  }
  std::int64_t found = found_at[0];
  while (static_cast<double>(found) < options.recall * static_cast<double>(neighbours))
    found += found_at[static_cast<std::size_t>(probes_++)];
  if (neighbours > 0) recall_ = static_cast<double>(found) / static_cast<double>(neighbours);
}

void ApproximateIndex::set_probes(std::int64_t probes) {
  check(probes >= 1 && probes <= cells(), "approximate index: want from 1 to ", cells(),
        " probes, got ", probes);
  probes_ = probes;
}

void ApproximateIndex::add(std::span<const std::int64_t> ids, std::span<const float> vectors) {
  check_vectors("index add", vectors, static_cast<std::int64_t>(ids.size()), dim());
  rows_.check_new(ids);
  const std::vector<std::int32_t> cell_of = nearest_centroids(centroids_, vectors);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto vector =
        vectors.subspan(i * static_cast<std::size_t>(dim()), static_cast<std::size_t>(dim()));
    Cell& cell = cells_[static_cast<std::size_t>(cell_of[i])].own();
    cell.codes.append(vector);
    cell.rows.push_back(rows_.push_back(ids[i], vector.data()));
  }
}

std::int64_t ApproximateIndex::remove(std::span<const std::int64_t> ids) {
  const std::int64_t before = size();
  for (const std::int64_t id : ids)
    if (const std::int64_t* const row = rows_.row_of(id)) remove_row(*row);
  return before - size();
}

ApproximateIndex::Cell& ApproximateIndex::own_cell(std::int64_t row) {
  const std::span vector(rows_.vector(row), static_cast<std::size_t>(dim()));
  return cells_[static_cast<std::size_t>(nearest_centroids(centroids_, vector)[0])].own();
}

// In its cell the last takes its place, and among the rows the last of all.
void ApproximateIndex::remove_row(std::int64_t row) {
  Cell& cell = own_cell(row);
  const auto place = std::find(cell.rows.begin(), cell.rows.end(), row);
  const std::int64_t end = cell.codes.size() - 1;
  if (place != cell.rows.end() - 1) cell.codes.replace(place - cell.rows.begin(), cell.codes, end);
  *place = cell.rows.back();
  cell.codes.pop_back();
  cell.rows.pop_back();
  if (const std::int64_t last = size() - 1; row != last) {
    Cell& other = own_cell(last);
    *std::find(other.rows.begin(), other.rows.end(), last) = row;
  }
  rows_.remove(row);
}

std::int64_t ApproximateIndex::check_queries(std::span<const float> queries, int k) const {
  check(k >= 1, "index search: want k of at least 1, got ", k);
  const std::int64_t count = static_cast<std::int64_t>(queries.size()) / dim();
  check_vectors("index search", queries, count, dim());
  return count;
}

std::vector<std::vector<Hit>> ApproximateIndex::search(std::span<const float> queries, int k,
                                                       const IdFilter& allowed) const {
  const auto width = static_cast<std::size_t>(dim());
  const auto count = static_cast<std::size_t>(check_queries(queries, k));
  std::vector<std::vector<Hit>> results(count);
  if (size() == 0) return results;
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t here = std::min(kBlock, count - first);
    const auto block = queries.subspan(first * width, here * width);
    auto nearest = centroids_.search(block, static_cast<int>(probes_));
    const std::int64_t work = static_cast<std::int64_t>(here) * size() / cells() * probes_ * dim();
    const auto threads =
        static_cast<std::size_t>(std::clamp<std::int64_t>(work / kThreadWork, 1, threads_));
    const std::size_t share = (here + threads - 1) / threads;
    parallel_for(
        static_cast<std::int64_t>(threads), static_cast<int>(threads), [&](std::int64_t thread) {
          const std::size_t begin = std::min(here, static_cast<std::size_t>(thread) * share),
                            some = std::min(share, here - begin);
          search_block(block.subspan(begin * width, some * width),
                       std::span(nearest).subspan(begin, some), {k, probes_, allowed},
                       std::span(results).subspan(first + begin, some));
        });
  }
  return results;
}

// Cell by cell, each with all the queries that look into it, so that it is read once.
void ApproximateIndex::search_block(std::span<const float> queries,
                                    std::span<std::vector<Hit>> nearest, const Wanted& wanted,
                                    std::span<std::vector<Hit>> results) const {
  const auto width = static_cast<std::size_t>(dim());
  const Int8Queries encoded(queries, dim(), *kernel_);
  const auto query = [&](std::size_t q) { return queries.subspan(q * width, width); };
  std::vector<Survivors> best;
  std::vector<std::int64_t> seen(results.size());
  std::vector<std::pair<std::int64_t, std::size_t>> looks;  // cell and query
  for (std::size_t q = 0; q < results.size(); ++q) {
    best.push_back(no_survivors(wanted.k, encoded[q]));
    for (const Hit& cell : nearest[q]) {
      seen[q] += cells_[static_cast<std::size_t>(cell.id)]->codes.size();
      if (!wanted.allowed) looks.emplace_back(cell.id, q);
    }
  }
  std::sort(looks.begin(), looks.end());
  std::vector<Look> tile;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    const auto [cell, q] = looks[i];
    tile.push_back({query(q).data(), &encoded[q], &best[q]});
    if (tile.size() < kInt8Tile && i + 1 < looks.size() && looks[i + 1].first == cell) continue;
    scan_cell(*cells_[static_cast<std::size_t>(cell)], wanted.allowed, tile);
    tile.clear();
  }
  // Under a filter, or of too few vectors, one cell after the other until there are enough.
  for (std::size_t q = 0; q < results.size(); ++q)
    results[q] = wanted.allowed || seen[q] < wanted.k
                     ? search_one(query(q), encoded[q], std::move(nearest[q]), wanted)
                     : hits_of(query(q), best[q]);
}

std::vector<std::vector<Hit>> ApproximateIndex::search_exactly(std::span<const float> queries,
                                                               int k) const {
  const auto width = static_cast<std::size_t>(dim());
  const auto count = static_cast<std::size_t>(check_queries(queries, k));
  std::vector<std::vector<Hit>> results(count);
  if (size() == 0) return results;
  const Int8Queries encoded(queries, dim(), *kernel_);
  parallel_for((check_queries(queries, k) + kInt8Tile - 1) / kInt8Tile, threads_,
               [&](std::int64_t t) {
                 const std::size_t first = static_cast<std::size_t>(t) * kInt8Tile,
                                   end = std::min<std::size_t>(first + kInt8Tile, count);
                 std::vector<Survivors> best;
                 for (std::size_t q = first; q < end; ++q)
                   best.push_back(no_survivors(k, encoded[q]));
                 std::vector<Look> tile;
                 for (std::size_t q = first; q < end; ++q)
                   tile.push_back({queries.data() + q * width, &encoded[q], &best[q - first]});
                 for (const auto& cell : cells_) scan_cell(*cell, {}, tile);
                 for (std::size_t q = first; q < end; ++q)
                   results[q] = hits_of(queries.subspan(q * width, width), best[q - first]);
               });
  return results;
}

std::vector<Hit> ApproximateIndex::search_one(std::span<const float> query,
                                              const Int8Query& encoded,
                                              std::vector<Hit> nearest_cells,
                                              const Wanted& wanted) const {
  Survivors best = no_survivors(wanted.k, encoded);
  // The nearest of few that are allowed lie farther away, in more cells than the nearest of all.
  const std::int64_t enough = wanted.allowed ? kFiltered * wanted.k : wanted.k;
  std::int64_t probed = 0, seen = 0;
  for (std::size_t c = 0; c < cells_.size() && (probed < wanted.probes || seen < enough); ++c) {
    if (c == nearest_cells.size())
      nearest_cells = centroids_.search(query, static_cast<int>(cells()))[0];
    const Cell& cell = *cells_[static_cast<std::size_t>(nearest_cells[c].id)];
    const std::int64_t here =
        wanted.allowed
            ? std::count_if(cell.rows.begin(), cell.rows.end(),
                            [&](std::int64_t row) { return wanted.allowed(rows_.id(row)); })
            : cell.codes.size();
    seen += here;
    if (here > 0 || !wanted.allowed) ++probed;
    const Look look{query.data(), &encoded, &best};
    if (here > 0) scan_cell(cell, wanted.allowed, {&look, 1});
  }
  return hits_of(query, best);
}

Survivors ApproximateIndex::no_survivors(int k, const Int8Query& encoded) const {
  return {static_cast<std::size_t>(std::min<std::int64_t>(k, size())), encoded.factor};
}

Scored ApproximateIndex::scored(const float* query, std::int64_t row) const {
  return {rows_.id(row), inner_product(query, rows_.vector(row), dim())};
}

void ApproximateIndex::scan_cell(const Cell& cell, const IdFilter& allowed,
                                 std::span<const Look> looks) const {
  for (std::int64_t p = 0; p < cell.codes.panels(); ++p) {
    const auto row_of = [&](int i) {
      const std::int64_t row = cell.rows[static_cast<std::size_t>(p * kInt8Panel + i)];
      return !allowed || allowed(rows_.id(row)) ? row : kNoRow;
    };
    scan_panel(*kernel_, cell.codes, p, looks, row_of,
               [this](const float* query, std::int64_t row) { return scored(query, row); });
  }
}

std::vector<Hit> ApproximateIndex::hits_of(std::span<const float> query, Survivors& best) const {
  std::vector<Hit> hits;
  for (const Scored& one : best.take([&](std::int64_t row) { return scored(query.data(), row); }))
    hits.push_back({one.id, static_cast<float>(one.score)});
  return hits;
}

}  // namespace shoplens
