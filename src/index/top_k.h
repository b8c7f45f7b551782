// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace shoplens {

/// A vector's float64 score.
struct Scored {
  std::int64_t id;
  double score;
  bool operator==(const Scored&) const = default;
};

/// Higher score first, then smaller id: the order of every result list.
inline bool ranks_before(const Scored& a, const Scored& b) {
  return a.score != b.score ? a.score > b.score : a.id < b.id;
}

/// Keeps the best k of what is offered, in a heap with the worst on top. What it keeps does not
/// depend on the order they come in. k >= 1.
class TopK {
 public:
  explicit TopK(std::size_t k) : k_(k) {}

  /// What scores less cannot enter.
  double threshold() const { return threshold_; }

  void offer(const Scored& scored) {
    if (kept_.size() == k_) {
      if (!ranks_before(scored, kept_.front())) return;
      std::pop_heap(kept_.begin(), kept_.end(), ranks_before);
      kept_.back() = scored;
    } else {
      kept_.push_back(scored);
    }
    std::push_heap(kept_.begin(), kept_.end(), ranks_before);
    if (kept_.size() == k_) threshold_ = kept_.front().score;
  }

  void merge(const TopK& other) {
    for (const Scored& scored : other.kept_) offer(scored);
  }

  /// What was kept, best first; empties this.
  std::vector<Scored> take() {
    std::sort_heap(kept_.begin(), kept_.end(), ranks_before);
    return std::move(kept_);
  }

 private:
  std::size_t k_;
  double threshold_ = -std::numeric_limits<double>::infinity();
  std::vector<Scored> kept_;
};

}  // namespace shoplens
