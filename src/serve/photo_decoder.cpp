// SPDX-License-Identifier: Apache-2.0
#include "serve/photo_decoder.h"

#include <algorithm>

#include "serve/http.h"

namespace shoplens {

PhotoDecoder::PhotoDecoder(const DecodeLimits& limits, std::uint64_t bytes)
    : limits_(limits), all_(bytes), free_(bytes) {}

void PhotoDecoder::decode(std::string_view bytes, Clock::time_point deadline,
                          const std::function<void(const Image&)>& body) {
  struct Share {  // given back however this ends
    PhotoDecoder& decoder;
    std::uint64_t bytes = 0;
    ~Share() {
      {
        const std::lock_guard lock(decoder.mutex_);
        decoder.free_ += bytes;
      }
      decoder.freed_.notify_all();
    }
  } share{*this};
  DecodeLimits limits = limits_;
  limits.before_memory = [&](std::uint64_t wanted) {
    const std::uint64_t taken = std::min(wanted, all_);
    std::unique_lock lock(mutex_);
    const auto there_is_room = [&] { return free_ >= taken; };
    if (deadline == Clock::time_point::max())  // which no clock can be asked to wait until
      freed_.wait(lock, there_is_room);
    else if (!freed_.wait_until(lock, deadline, there_is_room))
      throw past_deadline();
    free_ -= taken;
    share.bytes += taken;
  };
  body(decode_image(bytes, "photo", limits));
}

}  // namespace shoplens
