// SPDX-License-Identifier: Apache-2.0
#include "serve/photo_decoder.h"

#include <algorithm>
#include <utility>

#include "core/wait_until.h"
#include "serve/http.h"

namespace shoplens {

PhotoDecoder::PhotoDecoder(const DecodeLimits& limits, std::uint64_t bytes)
    : limits_(limits), all_(bytes), free_(bytes) {}

void PhotoDecoder::with_photo(std::string_view bytes, Clock::time_point deadline,
                              const std::function<void(SourceImage&)>& body) {
  struct Share {  // given back however this ends
    PhotoDecoder& decoder;
    std::uint64_t bytes = 0;
    ~Share() { give_back(); }
    void give_back() {
      {
        const std::lock_guard lock(decoder.mutex_);
        decoder.free_ += std::exchange(bytes, 0);
      }
      decoder.freed_.notify_all();
    }
  } share{*this};
  DecodeLimits limits = limits_;
  limits.before_memory = [&](std::uint64_t wanted) {
    if (share.bytes > 0) share.give_back();  // decoded again, at another scale: the former is gone
    const std::uint64_t taken = std::min(wanted, all_);
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = *waiting_.insert(next_ticket_++).first;
    const bool in_time = wait_until(freed_, lock, deadline,
                                    [&] { return *waiting_.begin() == ticket && free_ >= taken; });
    waiting_.erase(ticket);
    if (in_time) free_ -= share.bytes = taken;
    lock.unlock();
    freed_.notify_all();  // for the next in turn
    if (!in_time) throw past_deadline();
  };
  SourceImage photo(bytes, "photo", limits);
  body(photo);
}

}  // namespace shoplens
