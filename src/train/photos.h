// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "image/augment.h"
#include "image/preprocess.h"

namespace shoplens {

/// A list of photos as network inputs, augmented or as eval sees them. The decoded pictures stay in
/// memory while there is room, so that later epochs neither read nor decode: the pixels are the
/// same. Thread-safe.
class Photos {
 public:
  /// `augment` decides what is worth keeping: the fitted picture, or with RandomResizedCrop the
  /// whole one, decoded as for eval (small crops of a draft are enlarged).
  Photos(std::vector<std::filesystem::path> paths, const Preprocessing& preprocessing,
         const AugmentOptions& augment, std::int64_t cache_bytes);

  std::int64_t size() const { return static_cast<std::int64_t>(paths_.size()); }
  const std::filesystem::path& path(std::int64_t sample) const { return paths_[sample]; }
  std::size_t floats_per_sample() const;

  /// out [3, size, size]. Throw what decode_image throws.
  void load_train(std::int64_t sample, Random random, float* out) const;
  void load_eval(std::int64_t sample, bool flipped, float* out) const;

 private:
  std::shared_ptr<const Image> picture(std::int64_t sample) const;  // fitted unless keep_whole_

  std::vector<std::filesystem::path> paths_;
  Preprocessing preprocessing_;
  AugmentOptions augment_;
  bool keep_whole_;
  mutable std::mutex mutex_;
  mutable std::int64_t room_;  // bytes left in the cache
  mutable std::vector<std::shared_ptr<const Image>> cache_;
};

}  // namespace shoplens
