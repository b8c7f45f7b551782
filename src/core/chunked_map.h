// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "core/copy_on_write.h"

namespace shoplens {

/// A sorted map in chunks that its copies share until they change: a copy costs a pointer a chunk,
/// and a change copies one chunk. Keys that come in ascending order leave the chunks full.
template <class Key, class Value>
class ChunkedMap {
 public:
  std::size_t size() const { return size_; }

  /// Null when it is not there. Valid until this map changes or goes.
  const Value* find(const Key& key) const {
    if (chunks_.empty()) return nullptr;
    const Chunk& chunk = *chunks_[chunk_of(key)];
    const std::size_t place = place_in(chunk, key);
    return place < chunk.size() && chunk[place].first == key ? &chunk[place].second : nullptr;
  }

  /// The value to be changed, a new one if there was none.
  Value& operator[](const Key& key) {
    if (chunks_.empty()) chunks_.emplace_back(Chunk());
    std::size_t c = chunk_of(key);
    if (find(key)) return chunks_[c].own()[place_in(*chunks_[c], key)].second;
    if (chunks_[c]->size() == kChunk) c = make_room(c, key);
    Chunk& chunk = chunks_[c].own();
    const auto place = chunk.begin() + static_cast<std::ptrdiff_t>(place_in(chunk, key));
    ++size_;
    return chunk.emplace(place, key, Value())->second;
  }

  /// Calls visit(key, value) for all, in the order of their keys.
  void for_each(const auto& visit) const {
    for (const auto& chunk : chunks_)
      for (const auto& [key, value] : *chunk) visit(key, value);
  }

  bool erase(const Key& key) {
    if (!find(key)) return false;
    const std::size_t c = chunk_of(key);
    Chunk& chunk = chunks_[c].own();
    chunk.erase(chunk.begin() + static_cast<std::ptrdiff_t>(place_in(chunk, key)));
    if (chunk.empty()) chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(c));
    --size_;
    return true;
  }

 private:
  static constexpr std::size_t kChunk = 256;
  using Chunk = std::vector<std::pair<Key, Value>>;

  // The last chunk that does not begin after the key, or the first; there must be one.
  std::size_t chunk_of(const Key& key) const {
    const auto after =
        std::upper_bound(chunks_.begin() + 1, chunks_.end(), key,
                         [](const Key& k, const auto& chunk) { return k < chunk->front().first; });
    return static_cast<std::size_t>(after - chunks_.begin()) - 1;
  }

  // Where the key is in a chunk, or would be.
  static std::size_t place_in(const Chunk& chunk, const Key& key) {
    const auto place =
        std::lower_bound(chunk.begin(), chunk.end(), key,
                         [](const auto& entry, const Key& k) { return entry.first < k; });
    return static_cast<std::size_t>(place - chunk.begin());
  }

  // Splits a full chunk, or begins one for a key behind all others; returns the key's chunk.
  std::size_t make_room(std::size_t c, const Key& key) {
    if (c + 1 == chunks_.size() && chunks_[c]->back().first < key) {
      chunks_.emplace_back(Chunk());
      return c + 1;
    }
    Chunk& full = chunks_[c].own();
    const auto half = full.begin() + kChunk / 2;
    Chunk behind(std::make_move_iterator(half), std::make_move_iterator(full.end()));
    full.erase(half, full.end());
    chunks_.emplace(chunks_.begin() + static_cast<std::ptrdiff_t>(c) + 1, std::move(behind));
    return chunk_of(key);
  }

  std::vector<CopyOnWrite<Chunk>> chunks_;  // in order of their keys, none empty
  std::size_t size_ = 0;
};

}  // namespace shoplens
