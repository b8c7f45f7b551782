// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "index/top_k.h"

namespace shoplens {

/// The rows that may still be among a query's k best, while a scan tells bounds of their scores.
/// A row is dropped only when k others surely score more, so the k best in the end are those of
/// scoring every row.
class Survivors {
 public:
  /// Bounds are of `factor` (above 0) times the exact scores.
  Survivors(std::size_t k, double factor) : k_(k), factor_(factor), best_(k) {}

  /// k rows surely score this or more: rows whose upper bound is less need not be offered.
  float threshold() const { return threshold_; }

  /// `score(row)` is asked for the rows' exact scores when many rows have come together.
  template <class Score>
  void offer(std::int64_t row, float upper, float lower, const Score& score) {
    raise_threshold(lower);
    rows_.push_back({row, upper});
    if (rows_.size() >= limit()) settle(score);
  }

  template <class Score>
  void merge(const Survivors& other, const Score& score) {
    threshold_ = std::max(threshold_, other.threshold_);
    best_.merge(other.best_);
    rows_.insert(rows_.end(), other.rows_.begin(), other.rows_.end());
    if (rows_.size() >= limit()) settle(score);
  }

  /// The k best of all offered, by exact score, then by id.
  template <class Score>
  std::vector<Scored> take(const Score& score) {
    settle(score);
    return best_.take();
  }

 private:
  struct Row {
    std::int64_t row;
    float upper;
  };
  std::size_t limit() const { return std::max<std::size_t>(4096, 4 * k_); }

  // Lower bounds of distinct rows: the k-th largest of them is reached by k rows.
  void raise_threshold(float lower) {
    if (lowers_.size() == k_) {
      if (lower <= lowers_.front()) return;
      std::pop_heap(lowers_.begin(), lowers_.end(), std::greater<>());
      lowers_.back() = lower;
    } else {
      lowers_.push_back(lower);
    }
    std::push_heap(lowers_.begin(), lowers_.end(), std::greater<>());
    if (lowers_.size() == k_) threshold_ = std::max(threshold_, lowers_.front());
  }

  // Scores the rows, those that promise most first, and keeps the best.
  template <class Score>
  void settle(const Score& score) {
    std::erase_if(rows_, [&](const Row& r) { return r.upper < threshold_; });
    std::sort(rows_.begin(), rows_.end(),
              [](const Row& a, const Row& b) { return a.upper > b.upper; });
    for (const Row& r : rows_) {
      if (r.upper < best_.threshold() * factor_) break;
      best_.offer(score(r.row));
    }
    rows_.clear();
    // Rounded down, so that a row that scores just as much is not dropped.
    threshold_ =
        std::max(threshold_, std::nextafter(static_cast<float>(best_.threshold() * factor_),
                                            -std::numeric_limits<float>::infinity()));
  }

  std::size_t k_;
  double factor_;
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<float> lowers_;  // the k largest, a heap with the smallest on top
  std::vector<Row> rows_;
  TopK best_;  // of the rows that were settled
};

}  // namespace shoplens
