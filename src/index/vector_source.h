// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "index/vector_rows.h"

namespace shoplens {

/// Vectors [n, dim] in memory, or elsewhere, where they are read as often as they are wanted, as
/// they may be too many to hold.
class VectorSource {
 public:
  using Sink = std::function<void(std::span<const float>)>;

  VectorSource(std::vector<float> values)  // NOLINT: one is as good as the other
      : size_(values.size()), values_(std::move(values)) {}
  /// read() calls its argument with one piece of them after the other, whole vectors each, and does
  /// the same each time. `size` is n * dim.
  VectorSource(std::size_t size, std::function<void(const Sink&)> read)
      : size_(size), read_(std::move(read)) {}

  std::size_t size() const { return size_; }
  void read(const Sink& sink) const;
  /// All of them, in memory. Leaves nothing here, as the next two do; read() goes after its last
  /// call.
  std::vector<float> take();
  /// All of them, in memory if they were, else in an unnamed file of `folder`, mapped. In memory
  /// too where there can be none, or not room for twice as much, as what is made of them is kept
  /// there.
  SharedVectors share(const std::filesystem::path& folder);
  /// The same with each piece, of vectors of one width, made anew by `change` to vectors of
  /// another.
  VectorSource changed(std::size_t width, std::size_t new_width,
                       std::function<std::vector<float>(std::vector<float>)> change);

 private:
  std::size_t size_;
  std::vector<float> values_;  // unless there is read_
  std::function<void(const Sink&)> read_;
};

}  // namespace shoplens
