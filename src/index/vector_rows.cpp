// SPDX-License-Identifier: Apache-2.0
#include "index/vector_rows.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "core/error.h"

namespace shoplens {
namespace {

std::vector<std::int64_t> count_up(std::size_t n) {
  std::vector<std::int64_t> numbers(n);
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  return numbers;
}

}  // namespace

SharedVectors share(std::vector<float> vectors) {
  const auto owner = std::make_shared<const std::vector<float>>(std::move(vectors));
  return {*owner, owner};
}

VectorRows::VectorRows(int dim, const SharedVectors& vectors, std::span<const std::int64_t> ids)
    : dim_(dim) {
  const auto size = static_cast<std::int64_t>(ids.size());
  for (std::int64_t first = 0; first < size; first += kChunk) {
    const auto some = ids.subspan(static_cast<std::size_t>(first),
                                  static_cast<std::size_t>(std::min(kChunk, size - first)));
    const auto values = vectors.values.subspan(static_cast<std::size_t>(first * dim),
                                               some.size() * static_cast<std::size_t>(dim));
    chunks_.emplace_back(Chunk{{some.begin(), some.end()}, {values, vectors.owner}, {}});
  }
  for (std::int64_t row = 0; row < size; ++row) row_of_[ids[static_cast<std::size_t>(row)]] = row;
}

VectorRows::VectorRows(int dim, const SharedVectors& vectors)
    : VectorRows(dim, vectors, count_up(vectors.values.size() / static_cast<std::size_t>(dim))) {}

std::vector<float> VectorRows::vectors() const {
  std::vector<float> all;
  all.reserve(static_cast<std::size_t>(size() * dim_));
  for (std::int64_t row = 0; row < size(); ++row)
    all.insert(all.end(), vector(row), vector(row) + dim_);
  return all;
}

void VectorRows::check_new(std::span<const std::int64_t> ids) const {
  std::unordered_set<std::int64_t> seen;
  for (const std::int64_t id : ids)
    check(!row_of(id) && seen.insert(id).second, "index add: want new, distinct ids, got ", id,
          " again");
}

VectorRows::Chunk& VectorRows::own(std::int64_t row) {
  Chunk& chunk = chunks_[static_cast<std::size_t>(row / kChunk)].own();
  if (chunk.shared.owner) {
    chunk.own.assign(chunk.shared.values.begin(), chunk.shared.values.end());
    chunk.shared = {};
  }
  return chunk;
}

std::int64_t VectorRows::push_back(std::int64_t id, const float* vector) {
  const std::int64_t row = size();
  if (row % kChunk == 0) chunks_.emplace_back(Chunk{});
  Chunk& chunk = own(row);
  chunk.ids.push_back(id);
  chunk.own.insert(chunk.own.end(), vector, vector + dim_);
  row_of_[id] = row;
  return row;
}

void VectorRows::remove(std::int64_t row) {
  const std::int64_t last_row = size() - 1;
  row_of_.erase(id(row));
  Chunk& last = own(last_row);
  if (row != last_row) {
    Chunk& chunk = own(row);
    chunk.ids[static_cast<std::size_t>(row % kChunk)] = last.ids.back();
    std::copy(last.own.end() - dim_, last.own.end(), chunk.own.begin() + row % kChunk * dim_);
    row_of_[last.ids.back()] = row;
  }
  last.ids.pop_back();
  last.own.resize(last.own.size() - static_cast<std::size_t>(dim_));
  if (last.ids.empty()) chunks_.pop_back();
}

}  // namespace shoplens
