// SPDX-License-Identifier: Apache-2.0
#include "serve/photo_decoder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/error.h"
#include "image/encode.h"
#include "serve/http.h"

namespace shoplens {
namespace {

using namespace std::chrono_literals;
using Clock = PhotoDecoder::Clock;

TEST(PhotoDecoder, KeepsWithinItsMemory) {
  const std::string photo = encode_png(Image(20, 10));
  PhotoDecoder decoder({}, 20 * 10 * 7 * 2 + 100);  // decode_png counts 7 bytes a pixel
  std::atomic<int> now{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      decoder.with_photo(photo, Clock::time_point::max(), [&](SourceImage& source) {
        EXPECT_EQ(source.decoded({}).width, 20);
        const int there = ++now;
        for (int seen = most; there > seen && !most.compare_exchange_weak(seen, there);) {
        }
        std::this_thread::sleep_for(5ms);
        --now;
      });
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 2);
}

TEST(PhotoDecoder, GivesRoomBackAfterAFault) {
  const std::string photo = encode_png(Image(20, 10)), torn = photo.substr(0, photo.size() / 2);
  PhotoDecoder decoder({}, 1);  // one at a time
  for (int i = 0; i < 3; ++i) {
    EXPECT_THROW(decoder.with_photo(torn, Clock::time_point::max(),
                                    [](SourceImage& source) { source.decoded({}); }),
                 Error);
    EXPECT_THROW(decoder.with_photo(photo, Clock::time_point::max(),
                                    [](SourceImage& source) {
                                      source.decoded({});
                                      throw std::runtime_error("body");
                                    }),
                 std::runtime_error);
  }
  bool called = false;
  decoder.with_photo(photo, Clock::now() + 1s, [&](SourceImage& source) {
    source.decoded({});
    called = true;
  });
  EXPECT_TRUE(called);
}

TEST(PhotoDecoder, SmallOnesDoNotPassALargeOne) {
  const std::string small = encode_png(Image(20, 10)), large = encode_png(Image(20, 30));
  PhotoDecoder decoder({}, 20 * 30 * 7);
  std::vector<int> order;  // the widths' threads are told apart by the heights
  std::vector<std::thread> threads;
  const auto start = [&](const std::string& photo) {
    threads.emplace_back([&] {
      decoder.with_photo(photo, Clock::time_point::max(),
                         [&](SourceImage& source) { order.push_back(source.decoded({}).height); });
    });
    std::this_thread::sleep_for(30ms);  // so that it waits
  };
  decoder.with_photo(small, Clock::time_point::max(), [&](SourceImage& held) {
    held.decoded({});
    start(large);
    start(small);  // for which there is room
    EXPECT_TRUE(order.empty());
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{30, 10}));
}

// As networks do that declare other sizes: only the picture that is there counts.
TEST(PhotoDecoder, APhotoDecodedAgainHasItsFormerRoomBack) {
  const std::string photo = encode_jpeg(Image(640, 400), 90);
  PhotoDecoder decoder({}, 640 * 400 * 3);  // room for the whole one, and nothing more
  for (int i = 0; i < 2; ++i)
    decoder.with_photo(photo, Clock::now() + 10s, [](SourceImage& source) {
      EXPECT_EQ(source.decoded({.size = 40, .decode = Decode::kDraft}).width, 80 * 2);
      EXPECT_EQ(source.decoded({.size = 40}).width, 640);
      EXPECT_EQ(source.decoded({.size = 20, .decode = Decode::kDraft}).width, 80);
    });
}

TEST(PhotoDecoder, WhoGivesUpLetsTheNextOneIn) {
  const std::string small = encode_png(Image(20, 10)), large = encode_png(Image(20, 30));
  PhotoDecoder decoder({}, 20 * 30 * 7);
  decoder.with_photo(small, Clock::time_point::max(), [&](SourceImage& held) {
    held.decoded({});
    std::thread patient([&] {
      EXPECT_THROW(decoder.with_photo(large, Clock::now() + 50ms,
                                      [](SourceImage& source) { source.decoded({}); }),
                   HttpError);
    });
    std::this_thread::sleep_for(10ms);
    bool called = false;
    decoder.with_photo(small, Clock::now() + 10s, [&](SourceImage& source) {
      source.decoded({});
      called = true;
    });
    EXPECT_TRUE(called);
    patient.join();
  });
}

TEST(PhotoDecoder, WaitsNoLongerThanTheDeadline) {
  const std::string photo = encode_png(Image(20, 10));
  PhotoDecoder decoder({}, 200 * 7);
  decoder.with_photo(photo, Clock::time_point::max(), [&](SourceImage& held) {
    held.decoded({});
    std::thread other([&] {
      EXPECT_THROW(decoder.with_photo(photo, Clock::now() + 10ms,
                                      [](SourceImage& source) { source.decoded({}); }),
                   HttpError);
    });
    other.join();
  });
}

}  // namespace
}  // namespace shoplens
