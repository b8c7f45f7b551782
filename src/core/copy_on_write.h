// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <utility>

namespace shoplens {

/// A value whose copies share it until one of them changes it. Copying costs a pointer; copies may
/// be read, made and dropped on any thread, as copies of an int may. (std::shared_ptr's use_count()
/// is not synchronised with what other owners did before they left, so it cannot say this.)
template <class T>
class CopyOnWrite {
 public:
  explicit CopyOnWrite(T value) : block_(new Block{std::move(value)}) {}
  CopyOnWrite(const CopyOnWrite& other) noexcept : block_(other.block_) {
    block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  CopyOnWrite(CopyOnWrite&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  CopyOnWrite& operator=(CopyOnWrite other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~CopyOnWrite() {
    if (block_ && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete block_;
  }

  const T& operator*() const { return block_->value; }
  const T* operator->() const { return &block_->value; }

  /// The value to be changed: this one's own, copied now if others have it too.
  T& own() {
    if (block_->owners.load(std::memory_order_acquire) > 1) *this = CopyOnWrite(block_->value);
    return block_->value;
  }

 private:
  struct Block {
    T value;
    std::atomic<int> owners{1};
  };
  Block* block_;  // null when moved from
};

}  // namespace shoplens
