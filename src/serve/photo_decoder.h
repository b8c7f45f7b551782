// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string_view>

#include "image/source_image.h"

namespace shoplens {

/// Decodes the photos of all requests within one memory: a small file may be a large picture, and
/// many of them at once more than there is. Thread-safe.
class PhotoDecoder {
 public:
  using Clock = std::chrono::steady_clock;

  /// `bytes` are taken at once; more by a photo that needs more, which is then alone.
  PhotoDecoder(const DecodeLimits& limits, std::uint64_t bytes);

  const DecodeLimits& limits() const { return limits_; }

  /// Calls body with the photo, which it may decode, and no other one; it is gone afterwards.
  /// Errors name it "photo"; decoding it throws HttpError 504, too, when `deadline` passes before
  /// there is room.
  void with_photo(std::string_view bytes, Clock::time_point deadline,
                  const std::function<void(SourceImage&)>& body);

 private:
  DecodeLimits limits_;
  std::uint64_t all_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t free_;
  // Tickets of those that wait for room, which they have in the order they came: a photo that
  // needs much would else wait for as long as small ones come.
  std::set<std::uint64_t> waiting_;
  std::uint64_t next_ticket_ = 0;
};

}  // namespace shoplens
