// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "index/vector_index.h"

namespace shoplens {

/// Higher score first, then smaller id: the order of every result list.
inline bool ranks_before(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.id < b.id;
}

/// Keeps the best k of the hits offered, in a heap with the worst on top. What it keeps does not
/// depend on the order they come in. k >= 1.
class TopK {
 public:
  explicit TopK(std::size_t k) : k_(k) {}

  /// A hit below this score cannot enter.
  float threshold() const { return threshold_; }

  void offer(const Hit& hit) {
    if (hits_.size() == k_) {
      if (!ranks_before(hit, hits_.front())) return;
      std::pop_heap(hits_.begin(), hits_.end(), ranks_before);
      hits_.back() = hit;
    } else {
      hits_.push_back(hit);
    }
    std::push_heap(hits_.begin(), hits_.end(), ranks_before);
    if (hits_.size() == k_) threshold_ = hits_.front().score;
  }

  void merge(const TopK& other) {
    for (const Hit& hit : other.hits_) offer(hit);
  }

  /// The hits, best first; empties this.
  std::vector<Hit> take() {
    std::sort_heap(hits_.begin(), hits_.end(), ranks_before);
    return std::move(hits_);
  }

 private:
  std::size_t k_;
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<Hit> hits_;
};

}  // namespace shoplens
